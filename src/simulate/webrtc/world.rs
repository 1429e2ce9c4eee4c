//! What does not change while calls are simulated: regions and their SFUs.

use super::scenario::CallScenario;

/// Names of regions, and of the place that their SFUs are named after.
const REGIONS: [(&str, &str); 6] = [
    ("eu-central", "fra"),
    ("us-east", "iad"),
    ("ap-southeast", "sin"),
    ("eu-west", "dub"),
    ("us-west", "sjc"),
    ("sa-east", "gru"),
];

/// The region that goes bad when one does.
const BAD_REGION: u8 = 0;

/// One SFU.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Site {
    pub(super) region: u8,
    pub(super) edge: u16,
}

/// All SFUs, and since when those of one region are bad.
#[derive(Debug)]
pub(super) struct World {
    edges: Vec<Vec<String>>,
    bad_from_us: Option<i64>,
}

impl World {
    pub(super) fn new(scenario: &CallScenario, start_ms: i64) -> Self {
        let regions = REGIONS.iter().take(usize::from(scenario.regions.max(1)));
        let names = |place: &str| (1..=scenario.edges.max(1)).map(|number| format!("sfu-{place}-{number}")).collect();
        let bad_from_us = scenario.bad_region.map(|bad| start_ms.saturating_add(bad.from_ms).saturating_mul(1000));
        Self { edges: regions.map(|(_, place)| names(place)).collect(), bad_from_us }
    }

    /// How many regions there are.
    pub(super) fn regions(&self) -> u64 {
        self.edges.len() as u64
    }

    /// The name of a site's region.
    pub(super) fn region(&self, site: Site) -> &'static str {
        REGIONS.get(usize::from(site.region)).map_or("unknown", |(name, _)| name)
    }

    /// The name of an SFU.
    pub(super) fn edge(&self, site: Site) -> &str {
        let edges = self.edges.get(usize::from(site.region));
        edges.and_then(|edges| edges.get(usize::from(site.edge))).map_or("unknown", String::as_str)
    }

    /// Whether an SFU is bad at a time.
    pub(super) fn is_bad(&self, site: Site, at_us: i64) -> bool {
        site.region == BAD_REGION && self.bad_from_us.is_some_and(|from_us| at_us >= from_us)
    }

    /// The name of the region that goes bad.
    pub(super) fn bad_region(&self) -> Option<&'static str> {
        self.bad_from_us.map(|_| self.region(Site { region: BAD_REGION, edge: 0 }))
    }
}
