"""Writes places.mmdb, a file in MaxMind's format with invented places: python3 places.py (needs mmdb_writer from PyPI)."""

from netaddr import IPSet
from mmdb_writer import MMDBWriter


def part(name, code=None):
    names = {"names": {"de": name + " (de)", "en": name}}
    return names if code is None else {"iso_code": code, **names}


writer = MMDBWriter(ip_version=6, ipv4_compatible=True, database_type="GeoLite2-City", description="invented")
writer.insert_network(
    IPSet(["192.0.2.0/25", "2001:db8:1::/48"]),
    {"country": part("Germany", "DE"), "subdivisions": [part("Bavaria", "BY"), part("Upper Bavaria")], "city": part("Munich")},
)
writer.insert_network(IPSet(["192.0.2.128/25"]), {"country": part("Brazil", "BR"), "location": {"latitude": -10.0}})
writer.insert_network(IPSet(["198.51.100.0/24"]), {"city": part("Nowhere"), "subdivisions": [{"iso_code": "XX"}]})
writer.to_db_file("places.mmdb")
