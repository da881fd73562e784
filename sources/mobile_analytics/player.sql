-- One row per first_open: the player's registration. An installation that was opened before the first file has none,
-- and is acquired where it first appears.
--
-- The export names countries in English; Leap has their codes, as in dbt_project/seeds/countries.csv. A name that is
-- not in the list below goes on as it is, counts as unknown, and is counted by a check.
with opened as (
    select
        source_file,
        line_number,
        from_json(
            record,
            '{
                "event_name": "VARCHAR", "event_timestamp": "VARCHAR", "user_pseudo_id": "VARCHAR",
                "platform": "VARCHAR", "geo": {"country": "VARCHAR"}, "device": {"operating_system": "VARCHAR"}
            }'
        ) as event
    from delivered
)

select
    opened.source_file,
    opened.line_number,
    opened.event.user_pseudo_id as player_id,
    coalesce(
        try(make_timestamp(try_cast(opened.event.event_timestamp as bigint))::varchar), opened.event.event_timestamp
    ) as event_date_time,
    coalesce(countries.code, nullif(opened.event.geo.country, '(not set)')) as country,
    lower(coalesce(opened.event.platform, opened.event.device.operating_system)) as platform
from opened
left join (
    values
        ('Afghanistan', 'AF'), ('Albania', 'AL'), ('Algeria', 'DZ'), ('American Samoa', 'AS'),
        ('Andorra', 'AD'), ('Angola', 'AO'), ('Anguilla', 'AI'), ('Antarctica', 'AQ'),
        ('Antigua & Barbuda', 'AG'), ('Antigua and Barbuda', 'AG'), ('Argentina', 'AR'), ('Armenia', 'AM'),
        ('Aruba', 'AW'), ('Australia', 'AU'), ('Austria', 'AT'), ('Azerbaijan', 'AZ'), ('Bahamas', 'BS'),
        ('Bahrain', 'BH'), ('Bangladesh', 'BD'), ('Barbados', 'BB'), ('Belarus', 'BY'), ('Belgium', 'BE'),
        ('Belize', 'BZ'), ('Benin', 'BJ'), ('Bermuda', 'BM'), ('Bhutan', 'BT'), ('Bolivia', 'BO'),
        ('Bosnia & Herzegovina', 'BA'), ('Bosnia and Herzegovina', 'BA'), ('Botswana', 'BW'),
        ('Bouvet Island', 'BV'), ('Brazil', 'BR'), ('British Indian Ocean Territory', 'IO'),
        ('British Virgin Islands', 'VG'), ('Brunei', 'BN'), ('Bulgaria', 'BG'), ('Burkina Faso', 'BF'),
        ('Burundi', 'BI'), ('Cabo Verde', 'CV'), ('Cambodia', 'KH'), ('Cameroon', 'CM'), ('Canada', 'CA'),
        ('Caribbean Netherlands', 'BQ'), ('Cayman Islands', 'KY'), ('Central African Republic', 'CF'),
        ('Chad', 'TD'), ('Chile', 'CL'), ('China', 'CN'), ('Christmas Island', 'CX'), ('Cocos Islands', 'CC'),
        ('Colombia', 'CO'), ('Comoros', 'KM'), ('Congo (Brazzaville)', 'CG'), ('Congo (Kinshasa)', 'CD'),
        ('Congo - Brazzaville', 'CG'), ('Congo - Kinshasa', 'CD'), ('Cook Islands', 'CK'), ('Costa Rica', 'CR'),
        ('Croatia', 'HR'), ('Cuba', 'CU'), ('Curaçao', 'CW'), ('Cyprus', 'CY'), ('Czechia', 'CZ'),
        ('Côte d''Ivoire', 'CI'), ('Denmark', 'DK'), ('Djibouti', 'DJ'), ('Dominica', 'DM'),
        ('Dominican Republic', 'DO'), ('Ecuador', 'EC'), ('Egypt', 'EG'), ('El Salvador', 'SV'),
        ('Equatorial Guinea', 'GQ'), ('Eritrea', 'ER'), ('Estonia', 'EE'), ('Eswatini', 'SZ'),
        ('Ethiopia', 'ET'), ('Falkland Islands', 'FK'), ('Faroe Islands', 'FO'), ('Fiji', 'FJ'),
        ('Finland', 'FI'), ('France', 'FR'), ('French Guiana', 'GF'), ('French Polynesia', 'PF'),
        ('French Southern Territories', 'TF'), ('Gabon', 'GA'), ('Gambia', 'GM'), ('Georgia', 'GE'),
        ('Germany', 'DE'), ('Ghana', 'GH'), ('Gibraltar', 'GI'), ('Greece', 'GR'), ('Greenland', 'GL'),
        ('Grenada', 'GD'), ('Guadeloupe', 'GP'), ('Guam', 'GU'), ('Guatemala', 'GT'), ('Guernsey', 'GG'),
        ('Guinea', 'GN'), ('Guinea-Bissau', 'GW'), ('Guyana', 'GY'), ('Haiti', 'HT'),
        ('Heard Island and McDonald Islands', 'HM'), ('Honduras', 'HN'), ('Hong Kong', 'HK'), ('Hungary', 'HU'),
        ('Iceland', 'IS'), ('India', 'IN'), ('Indonesia', 'ID'), ('Iran', 'IR'), ('Iraq', 'IQ'),
        ('Ireland', 'IE'), ('Isle of Man', 'IM'), ('Israel', 'IL'), ('Italy', 'IT'), ('Jamaica', 'JM'),
        ('Japan', 'JP'), ('Jersey', 'JE'), ('Jordan', 'JO'), ('Kazakhstan', 'KZ'), ('Kenya', 'KE'),
        ('Kiribati', 'KI'), ('Kuwait', 'KW'), ('Kyrgyzstan', 'KG'), ('Laos', 'LA'), ('Latvia', 'LV'),
        ('Lebanon', 'LB'), ('Lesotho', 'LS'), ('Liberia', 'LR'), ('Libya', 'LY'), ('Liechtenstein', 'LI'),
        ('Lithuania', 'LT'), ('Luxembourg', 'LU'), ('Macao', 'MO'), ('Macau', 'MO'), ('Madagascar', 'MG'),
        ('Malawi', 'MW'), ('Malaysia', 'MY'), ('Maldives', 'MV'), ('Mali', 'ML'), ('Malta', 'MT'),
        ('Marshall Islands', 'MH'), ('Martinique', 'MQ'), ('Mauritania', 'MR'), ('Mauritius', 'MU'),
        ('Mayotte', 'YT'), ('Mexico', 'MX'), ('Micronesia', 'FM'), ('Moldova', 'MD'), ('Monaco', 'MC'),
        ('Mongolia', 'MN'), ('Montenegro', 'ME'), ('Montserrat', 'MS'), ('Morocco', 'MA'), ('Mozambique', 'MZ'),
        ('Myanmar', 'MM'), ('Myanmar (Burma)', 'MM'), ('Namibia', 'NA'), ('Nauru', 'NR'), ('Nepal', 'NP'),
        ('Netherlands', 'NL'), ('New Caledonia', 'NC'), ('New Zealand', 'NZ'), ('Nicaragua', 'NI'),
        ('Niger', 'NE'), ('Nigeria', 'NG'), ('Niue', 'NU'), ('Norfolk Island', 'NF'), ('North Korea', 'KP'),
        ('North Macedonia', 'MK'), ('Northern Mariana Islands', 'MP'), ('Norway', 'NO'), ('Oman', 'OM'),
        ('Pakistan', 'PK'), ('Palau', 'PW'), ('Palestine', 'PS'), ('Panama', 'PA'), ('Papua New Guinea', 'PG'),
        ('Paraguay', 'PY'), ('Peru', 'PE'), ('Philippines', 'PH'), ('Pitcairn', 'PN'), ('Poland', 'PL'),
        ('Portugal', 'PT'), ('Puerto Rico', 'PR'), ('Qatar', 'QA'), ('Romania', 'RO'), ('Russia', 'RU'),
        ('Rwanda', 'RW'), ('Réunion', 'RE'), ('Saint Barthélemy', 'BL'), ('Saint Helena', 'SH'),
        ('Saint Kitts and Nevis', 'KN'), ('Saint Lucia', 'LC'), ('Saint Martin', 'MF'),
        ('Saint Pierre and Miquelon', 'PM'), ('Saint Vincent and the Grenadines', 'VC'), ('Samoa', 'WS'),
        ('San Marino', 'SM'), ('Sao Tome and Principe', 'ST'), ('Saudi Arabia', 'SA'), ('Senegal', 'SN'),
        ('Serbia', 'RS'), ('Seychelles', 'SC'), ('Sierra Leone', 'SL'), ('Singapore', 'SG'),
        ('Sint Maarten', 'SX'), ('Slovakia', 'SK'), ('Slovenia', 'SI'), ('Solomon Islands', 'SB'),
        ('Somalia', 'SO'), ('South Africa', 'ZA'), ('South Georgia and the South Sandwich Islands', 'GS'),
        ('South Korea', 'KR'), ('South Sudan', 'SS'), ('Spain', 'ES'), ('Sri Lanka', 'LK'),
        ('St. Kitts & Nevis', 'KN'), ('St. Lucia', 'LC'), ('St. Vincent & Grenadines', 'VC'), ('Sudan', 'SD'),
        ('Suriname', 'SR'), ('Svalbard and Jan Mayen', 'SJ'), ('Sweden', 'SE'), ('Switzerland', 'CH'),
        ('Syria', 'SY'), ('São Tomé & Príncipe', 'ST'), ('Taiwan', 'TW'), ('Tajikistan', 'TJ'),
        ('Tanzania', 'TZ'), ('Thailand', 'TH'), ('Timor-Leste', 'TL'), ('Togo', 'TG'), ('Tokelau', 'TK'),
        ('Tonga', 'TO'), ('Trinidad & Tobago', 'TT'), ('Trinidad and Tobago', 'TT'), ('Tunisia', 'TN'),
        ('Turkey', 'TR'), ('Turkmenistan', 'TM'), ('Turks and Caicos Islands', 'TC'), ('Tuvalu', 'TV'),
        ('Türkiye', 'TR'), ('U.S. Virgin Islands', 'VI'), ('Uganda', 'UG'), ('Ukraine', 'UA'),
        ('United Arab Emirates', 'AE'), ('United Kingdom', 'GB'), ('United States', 'US'),
        ('United States Minor Outlying Islands', 'UM'), ('Uruguay', 'UY'), ('Uzbekistan', 'UZ'),
        ('Vanuatu', 'VU'), ('Vatican City', 'VA'), ('Venezuela', 'VE'), ('Vietnam', 'VN'),
        ('Wallis and Futuna', 'WF'), ('Western Sahara', 'EH'), ('Yemen', 'YE'), ('Zambia', 'ZM'),
        ('Zimbabwe', 'ZW'), ('Åland Islands', 'AX')
) as countries (name, code)
    on opened.event.geo.country = countries.name
where opened.event.event_name = 'first_open'
