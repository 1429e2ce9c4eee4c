//! What does not change while a simulation runs: programmes, CDNs and their edges.

use super::scenario::{Carrier, Scenario};

/// Names of places as CDNs use them: airport codes.
const PLACES: [&str; 24] = [
    "MAD", "LHR", "FRA", "CDG", "AMS", "MXP", "ARN", "WAW", "VIE", "ZRH", "DUB", "CPH", "JFK", "IAD", "ORD", "DFW",
    "LAX", "SEA", "GRU", "SCL", "NRT", "SIN", "SYD", "BOM",
];

const COUNTRIES: [&str; 24] = [
    "ES", "GB", "DE", "FR", "NL", "IT", "SE", "PL", "AT", "CH", "IE", "DK", "US", "CA", "MX", "BR", "CL", "AR", "JP",
    "SG", "AU", "IN", "KR", "ZA",
];

/// The lowest rung is what a bad edge still carries now and then.
const LADDER_WIDE: [u32; 6] = [400, 800, 1600, 3000, 5000, 8000];
const LADDER_NARROW: [u32; 5] = [300, 600, 1200, 2400, 4200];

/// Bitrate of every audio track, kbit/s.
pub(super) const AUDIO_KBPS: u32 = 128;

/// One programme.
#[derive(Clone, Copy, Debug)]
pub(super) struct Programme {
    pub(super) is_live: bool,
    /// Audio and video in one segment.
    pub(super) is_muxed: bool,
    pub(super) segment_ms: u32,
    /// Video bitrates in kbit/s, ascending; muxed ones include the audio.
    pub(super) ladder: &'static [u32],
    /// The content id.
    pub(super) name: &'static str,
}

const fn programme(name: &'static str, is_live: bool, is_muxed: bool, segment_ms: u32, wide: bool) -> Programme {
    let ladder: &'static [u32] = if wide { &LADDER_WIDE } else { &LADDER_NARROW };
    Programme { is_live, is_muxed, segment_ms, ladder, name }
}

/// The first one is what crowds come for.
const FIRST_LIVE: Programme = programme("live-final", true, false, 2000, true);

const PROGRAMMES: [Programme; 10] = [
    FIRST_LIVE,
    programme("live-news", true, true, 4000, false),
    programme("live-radio-tv", true, false, 6000, false),
    programme("film-0007", false, false, 4000, true),
    programme("film-0021", false, false, 4000, true),
    programme("film-0108", false, false, 6000, true),
    programme("series-02-e04", false, false, 4000, false),
    programme("series-02-e05", false, false, 2000, false),
    programme("clip, \"short\" cut", false, true, 6000, false),
    programme("lecture=12", false, true, 4000, false),
];

/// How many programmes there are.
pub(super) const PROGRAMMES_COUNT: u64 = PROGRAMMES.len() as u64;

/// The programme of an index; the first one for an index that has none.
pub(super) fn programme_at(index: u8) -> &'static Programme {
    PROGRAMMES.get(usize::from(index)).unwrap_or(&FIRST_LIVE)
}

/// What follows on a programme that has come to its end.
pub(super) fn next_episode(index: u8) -> Option<u8> {
    (programme_at(index).name == "series-02-e04").then_some(index + 1)
}

/// Who runs the edges.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cdn {
    CloudFront,
    Fastly,
    Nginx,
    Akamai,
    Google,
}

impl Cdn {
    const ALL: [Self; 5] = [Self::CloudFront, Self::Fastly, Self::Nginx, Self::Akamai, Self::Google];

    /// Whose viewers are seen over a carrier. What players report themselves is CloudFront's here.
    pub(super) const fn of(carrier: Carrier) -> Self {
        match carrier {
            Carrier::Fastly => Self::Fastly,
            Carrier::Nginx => Self::Nginx,
            Carrier::Akamai => Self::Akamai,
            Carrier::Google => Self::Google,
            Carrier::CloudFrontRealTime
            | Carrier::CloudFrontStandard
            | Carrier::Query
            | Carrier::Headers
            | Carrier::Body => Self::CloudFront,
        }
    }

    /// The host that players fetch from.
    pub(super) const fn host(self) -> &'static str {
        match self {
            Self::CloudFront => "d111111abcdef8.cloudfront.net",
            Self::Fastly => "video-f.example.com",
            Self::Nginx => "video-n.example.com",
            Self::Akamai => "video-a.example.com",
            Self::Google => "video-g.example.com",
        }
    }

    /// The name of its edge at a site, as its logs have it. Akamai's log names countries
    /// only, so that beyond 24 sites some share one.
    fn edge_name(self, site: u16) -> String {
        let place = PLACES.get(usize::from(site) % PLACES.len()).copied().unwrap_or("MAD");
        let round = usize::from(site) / PLACES.len();
        match self {
            Self::CloudFront => format!("{place}{}-P{}", 50 + round, 1 + site % 4),
            Self::Fastly if round == 0 => place.to_owned(),
            Self::Fastly => format!("{place}{round}"),
            Self::Nginx => format!("edge-{}-{}", place.to_lowercase(), round + 1),
            Self::Akamai => COUNTRIES.get(usize::from(site) % COUNTRIES.len()).copied().unwrap_or("ES").to_owned(),
            Self::Google => format!("{}-{:06}", place.to_lowercase(), round + 1),
        }
    }
}

/// The edges of all CDNs, and which of them is the bad one.
#[derive(Debug)]
pub(super) struct World {
    names: Vec<Vec<String>>,
    bad_cdn: Cdn,
    /// When the bad edge goes bad; `None` = never.
    bad_from_ms: Option<i64>,
}

impl World {
    pub(super) fn new(scenario: &Scenario, start_ms: i64) -> Self {
        let sites = scenario.edges.max(1);
        let names = Cdn::ALL.map(|cdn| (0..sites).map(|site| cdn.edge_name(site)).collect());
        let bad_from_ms = scenario.bad_edge.map(|bad| start_ms.saturating_add(bad.from_ms));
        Self { names: names.into(), bad_cdn: Cdn::of(scenario.main_carrier()), bad_from_ms }
    }

    /// The name of an edge.
    pub(super) fn edge(&self, cdn: Cdn, site: u16) -> &str {
        let names = self.names.get(cdn as usize);
        names.and_then(|names| names.get(usize::from(site))).map_or("unknown", String::as_str)
    }

    /// Whether an edge is bad at a time. It is the first site of the CDN that most viewers are at.
    pub(super) fn is_bad(&self, cdn: Cdn, site: u16, at_ms: i64) -> bool {
        site == 0 && cdn == self.bad_cdn && self.bad_from_ms.is_some_and(|from_ms| at_ms >= from_ms)
    }

    /// The name of the edge that goes bad.
    pub(super) fn bad_edge(&self) -> Option<&str> {
        self.bad_from_ms.map(|_| self.edge(self.bad_cdn, 0))
    }
}
