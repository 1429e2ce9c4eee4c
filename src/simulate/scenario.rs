//! What is simulated: how many viewers, over which carriers, and what happens to them.

use clap::ValueEnum;

use super::Simulation;
use crate::model::EventTime;

/// How a record gets to the bus: the values of the header `qoe-carrier`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Carrier {
    /// CloudFront real-time log lines with the columns of [`super::CLOUDFRONT_FIELDS`].
    CloudFrontRealTime,
    /// CloudFront standard log lines, 33 columns.
    CloudFrontStandard,
    /// Fastly's JSON lines.
    Fastly,
    /// nginx's JSON lines.
    Nginx,
    /// Akamai DataStream 2.
    Akamai,
    /// Google Media CDN, as Cloud Logging entries.
    Google,
    /// Bare queries that a collector passed on.
    Query,
    /// The four request headers that a collector passed on.
    Headers,
    /// Event-mode reports; see [`Scenario::event_mode_permille`].
    Body,
}

impl Carrier {
    /// All carriers, in the order of declaration.
    pub const ALL: [Self; 9] = [
        Self::CloudFrontRealTime,
        Self::CloudFrontStandard,
        Self::Fastly,
        Self::Nginx,
        Self::Akamai,
        Self::Google,
        Self::Query,
        Self::Headers,
        Self::Body,
    ];

    /// The value of the header `qoe-carrier`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CloudFrontRealTime => "cloudfront-rt",
            Self::CloudFrontStandard => "cloudfront-std",
            Self::Fastly => "json:fastly",
            Self::Nginx => "json:nginx",
            Self::Akamai => "json:akamai-datastream2",
            Self::Google => "json:google-media-cdn",
            Self::Query => "cmcd-query",
            Self::Headers => "cmcd-headers",
            Self::Body => "cmcd-body",
        }
    }

    /// The carrier of a header value.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|carrier| carrier.as_str() == name)
    }

    /// The topic that its records go to.
    pub const fn topic(self) -> &'static str {
        if self.is_log() { "qoe.cmcd.logs" } else { "qoe.cmcd" }
    }

    /// Whether its records are delivery-log lines.
    pub const fn is_log(self) -> bool {
        !matches!(self, Self::Query | Self::Headers | Self::Body)
    }
}

/// Something that happens to the viewers; several can happen at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Situation {
    /// Nothing but what always happens: some networks fade, some viewers seek, pause and leave.
    Steady,
    /// From a third of the time on, one edge answers 10 times slower, starves its viewers of throughput and fails requests; calls: one region's
    /// SFUs lose packets and bandwidth, so that pictures freeze and sound is concealed.
    BadEdge,
    /// From a third of the time on, three times as many viewers join one live programme (one call, to look on) within 20 s.
    FlashCrowd,
    /// 1 in 10 event-mode clients has a clock that is wrong by minutes or years, ahead or behind; of participants, some count from their
    /// start instead.
    ClockSkew,
    /// 1 record in 50 is appended twice.
    Duplicates,
    /// 1 record in 10 is delayed up to the disorder bound, 1 in 200 beyond the grace.
    Disorder,
}

/// From when on an edge is bad.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadEdge {
    /// Milliseconds after the start.
    pub from_ms: i64,
}

/// Many viewers at once, all at the first live programme.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FlashCrowd {
    /// Milliseconds after the start.
    pub from_ms: i64,
    /// Over how long they join.
    pub within_ms: i64,
    /// How many join beside the scenario's viewers.
    pub viewers: u32,
}

impl FlashCrowd {
    /// [`Self::within_ms`], never negative.
    pub(super) fn within(&self) -> u64 {
        self.within_ms.max(0).cast_unsigned()
    }

    /// The crowd of [`Situation::FlashCrowd`] beside so many.
    pub(super) fn beside(count: u32, from_ms: i64) -> Self {
        Self { from_ms, within_ms: 20_000, viewers: count.saturating_mul(3) }
    }
}

/// How long a record takes from the end of its request (or its report) to the bus.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delays {
    /// The least delay of a log line.
    pub log_least_ms: u32,
    /// The median of what is added to that; about the threefold at most.
    pub log_median_ms: u32,
    /// Of a thousand records, so many are delayed further, evenly up to [`Self::disorder_ms`].
    pub disorder_permille: u32,
    /// The disorder bound.
    pub disorder_ms: u32,
    /// Of a thousand records, so many come only after the grace of their topic, hence late.
    pub late_permille: u32,
    /// The grace of the log topic.
    pub log_grace_ms: u32,
    /// The grace of the players' topic.
    pub report_grace_ms: u32,
}

impl Delays {
    /// Those of a steady audience.
    pub(super) const STEADY: Self = Self {
        log_least_ms: 200,
        log_median_ms: 700,
        disorder_permille: 0,
        disorder_ms: 5_000,
        late_permille: 0,
        log_grace_ms: 120_000,
        report_grace_ms: 10_000,
    };

    /// What [`Situation::Disorder`] does to them.
    pub(super) fn disturb(&mut self) {
        self.disorder_permille = 100;
        self.late_permille = 5;
    }
}

/// All that a simulation depends on beside seed and start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scenario {
    /// Viewers at a time, outside a flash crowd. A viewer who leaves is soon replaced.
    pub viewers: u32,
    /// Edges per CDN.
    pub edges: u16,
    /// Simulated time; what was requested in it is still appended after it.
    pub duration_ms: i64,
    /// Over how long the first viewers join.
    pub ramp_ms: u32,
    /// Of a thousand viewers, so many have players that speak CMCD version 2.
    pub version2_permille: u32,
    /// Of a thousand viewers with version 2, so many post event-mode reports too (carrier `cmcd-body`).
    pub event_mode_permille: u32,
    /// Weight of each carrier that requests come by. The weight of [`Carrier::Body`] is ignored: see
    /// [`Self::event_mode_permille`].
    pub carriers: Vec<(Carrier, u32)>,
    /// An edge goes bad.
    pub bad_edge: Option<BadEdge>,
    /// A crowd comes.
    pub flash_crowd: Option<FlashCrowd>,
    /// Of a thousand event-mode clients, so many have a wrong clock.
    pub skewed_clocks_permille: u32,
    /// Of a thousand records, so many are appended twice.
    pub duplicates_permille: u32,
    /// The ways to the bus.
    pub delays: Delays,
}

impl Scenario {
    /// A steady audience over all carriers, mostly CloudFront's real-time logs, a third of it with version 2.
    pub fn steady(viewers: u32, duration_ms: i64) -> Self {
        Self {
            viewers,
            edges: 4,
            duration_ms,
            ramp_ms: 10_000,
            version2_permille: 350,
            event_mode_permille: 400,
            carriers: vec![
                (Carrier::CloudFrontRealTime, 50),
                (Carrier::CloudFrontStandard, 6),
                (Carrier::Fastly, 10),
                (Carrier::Nginx, 8),
                (Carrier::Akamai, 8),
                (Carrier::Google, 6),
                (Carrier::Query, 6),
                (Carrier::Headers, 6),
            ],
            bad_edge: None,
            flash_crowd: None,
            skewed_clocks_permille: 0,
            duplicates_permille: 0,
            delays: Delays::STEADY,
        }
    }

    /// This scenario with something more that happens.
    #[must_use]
    pub fn with(mut self, situation: Situation) -> Self {
        let a_third_in = self.duration_ms / 3;
        match situation {
            Situation::Steady => {}
            Situation::BadEdge => self.bad_edge = Some(BadEdge { from_ms: a_third_in }),
            Situation::FlashCrowd => self.flash_crowd = Some(FlashCrowd::beside(self.viewers, a_third_in)),
            Situation::ClockSkew => self.skewed_clocks_permille = 100,
            Situation::Duplicates => self.duplicates_permille = 20,
            Situation::Disorder => self.delays.disturb(),
        }
        self
    }

    /// How many viewers give about `records_per_second` in steady state, measured on a small simulation with this mix.
    pub fn viewers_for(&self, records_per_second: u32) -> u32 {
        const SAMPLE_VIEWERS: u32 = 500;
        const SAMPLE_MS: i64 = 180_000;
        const SETTLED_MS: i64 = 60_000;

        let sample =
            Self { viewers: SAMPLE_VIEWERS, duration_ms: SAMPLE_MS, bad_edge: None, flash_crowd: None, ..self.clone() };
        let records = Simulation::new(sample, 0, EventTime::from_millis(0));
        let settled = records.filter(|record| (SETTLED_MS..SAMPLE_MS).contains(&record.append_ms)).count() as u64;
        let wanted = u64::from(records_per_second) * (SAMPLE_MS - SETTLED_MS).cast_unsigned() / 1000;
        let viewers = (wanted * u64::from(SAMPLE_VIEWERS)).div_ceil(settled.max(1));
        u32::try_from(viewers).unwrap_or(u32::MAX)
    }

    /// The carrier of the largest weight, the first among equals: the bad edge belongs to its CDN.
    pub(super) fn main_carrier(&self) -> Carrier {
        let requests = self.carriers.iter().filter(|(carrier, _)| *carrier != Carrier::Body);
        let largest = requests.rev().max_by_key(|(_, weight)| *weight);
        largest.map_or(Carrier::CloudFrontRealTime, |(carrier, _)| *carrier)
    }
}
