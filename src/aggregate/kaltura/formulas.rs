//! From merged sums to the metrics that Kaltura's reports have, each by its own formula.
//!
//! R1  A ratio divides what was merged over all rows of a question; nothing is averaged over windows or keys.
//! R2  Where there is nothing to divide by, there is no value: never 0, NaN or infinity.
//! R3  What no player sends has no value either ([`Metric::value`] says `None`), rather than an invented one.

use super::counts::Counts;
use super::retention::{Audience, CURVE_POINTS, DurationSource};
use super::totals::{Sums, Unique};
use crate::aggregate::{STANDARD_ERROR_PPM, Uniques};

/// The time from one view to the next: what Kaltura counts for each.
const VIEW_SECONDS: f64 = 10.0;
const VIEW_MS: i64 = 10_000;
const MILLIS_PER_MINUTE: f64 = 60_000.0;
const MILLIS_PER_SECOND: f64 = 1000.0;
const MILLION: f64 = 1_000_000.0;

/// A metric: its name in Kaltura's reports (or our own), how it is computed, and the computation.
#[derive(Clone, Copy)]
pub struct Metric {
    /// The name.
    pub name: &'static str,
    /// `count`, `ratio`, `percent`, `s`, `min`, `ms`, `bit/s`.
    pub unit: &'static str,
    /// The formula in words, from the fields of rows.
    pub help: &'static str,
    /// The formula.
    pub value: fn(&Sums) -> Option<f64>,
}

/// The metric with this name.
pub fn metric(name: &str) -> Option<&'static Metric> {
    METRICS.iter().find(|metric| metric.name == name)
}

macro_rules! metrics {
    ($($name:literal $unit:literal $help:literal $value:expr;)*) => {
        /// Every metric.
        pub static METRICS: &[Metric] = &[$(Metric { name: $name, unit: $unit, help: $help, value: $value },)*];
    };
}

metrics! {
    "count_loads" "count" "impressions_count" |sums| some(sums.counts.impressions);
    "count_play_requested" "count" "play_requests_count" |sums| some(sums.counts.play_requests);
    "count_plays" "count" "plays_count" |sums| some(sums.counts.plays);
    "count_plays_25" "count" "reached_25_count" |sums| some(sums.counts.reached_25);
    "count_plays_50" "count" "reached_50_count" |sums| some(sums.counts.reached_50);
    "count_plays_75" "count" "reached_75_count" |sums| some(sums.counts.reached_75);
    "count_plays_90" "count" "reached_90_count; not in Kaltura's reports" |sums| some(sums.counts.reached_90);
    "count_plays_100" "count" "reached_100_count" |sums| some(sums.counts.reached_100);
    "load_play_ratio" "ratio" "plays_count / impressions_count"
        |sums| ratio(sums.counts.plays, sums.counts.impressions);
    "play_through_ratio" "ratio" "reached_100_count / plays_count"
        |sums| ratio(sums.counts.reached_100, sums.counts.plays);
    "avg_view_drop_off" "ratio" "(reached_25 + _50 + _75 + _100_count) / 4 / plays_count" drop_off;
    "sum_time_viewed" "min" "play_ms; Kaltura adds up what quartiles carry, which players no longer send"
        |sums| Some(minutes(sums.counts.play_ms as f64));
    "avg_time_viewed" "min" "play_ms / plays_count"
        |sums| ratio(sums.counts.play_ms, sums.counts.plays).map(minutes);
    "sum_view_period" "min" "play_ms" |sums| Some(minutes(sums.counts.play_ms as f64));
    "sum_live_view_period" "min" "play_live_ms" |sums| Some(minutes(sums.counts.play_live_ms as f64));
    "sum_vod_view_period" "min" "play_vod_ms" |sums| Some(minutes(sums.counts.play_vod_ms as f64));
    "avg_view_period_time" "min" "play_ms / plays_count"
        |sums| ratio(sums.counts.play_ms, sums.counts.plays).map(minutes);
    "sum_view_time" "s" "10 s * views_count" |sums| Some(VIEW_SECONDS * sums.counts.views as f64);
    "avg_view_play_time_sec" "s" "10 s * views_count / plays_count"
        |sums| ratio(sums.counts.views, sums.counts.plays).map(|views| VIEW_SECONDS * views);
    "avg_completion_rate" "percent" "completion_percent_sum / plays_count, at most 100"
        |sums| ratio(sums.completion_percent, sums.counts.plays).map(|percent| percent.min(100.0));
    "total_completion_rate" "percent" "of the percents of an entry, those with a session in the curve of retention" seen_by_any;
    "avg_buffer_time" "ratio" "stall_ms / play_ms" |sums| ratio(sums.counts.stall_ms, sums.counts.play_ms);
    "view_buffer_time_ratio" "ratio" "view_stall_ms / (10 s * views_count)"
        |sums| ratio(sums.counts.view_stall_ms, VIEW_MS.saturating_mul(sums.counts.views));
    "avg_view_buffering" "ratio" "views_buffering_count / views_count"
        |sums| ratio(sums.counts.views_buffering, sums.counts.views);
    "avg_view_engagement" "ratio" "(views_engaged_high_count + views_engaged_good_count) / views_count"
        |sums| ratio(engaged(&sums.counts), sums.counts.views);
    "avg_view_dvr" "ratio" "views_dvr_count / views_count" |sums| ratio(sums.counts.views_dvr, sums.counts.views);
    "avg_bitrate" "bit/s" "bitrate_bps_sum / bitrate_count"
        |sums| ratio(sums.counts.bitrate_bps, sums.counts.bitrates);
    "avg_view_bitrate" "bit/s" "bitrate_bps_sum / bitrate_count"
        |sums| ratio(sums.counts.bitrate_bps, sums.counts.bitrates);
    "avg_view_downstream_bandwidth" "bit/s" "bandwidth_bps_sum / bandwidth_count"
        |sums| ratio(sums.counts.bandwidth_bps, sums.counts.bandwidths);
    "avg_view_segment_download_time_sec" "s" "segment_download_ms_sum / segment_download_count"
        |sums| ratio(sums.counts.segment_download_ms, sums.counts.segment_downloads).map(seconds);
    "avg_view_manifest_download_time_sec" "s" "manifest_download_ms_sum / manifest_download_count"
        |sums| ratio(sums.counts.manifest_download_ms, sums.counts.manifest_downloads).map(seconds);
    "avg_view_live_latency" "s" "latency_ms_sum / latency_count; no known player sends it"
        |sums| ratio(sums.counts.latency_ms, sums.counts.latencies).map(seconds);
    "avg_view_dropped_frames_ratio" "ratio" "dropped_frames_ppm_sum / dropped_frames_known_count"
        |sums| ratio(sums.counts.dropped_frames_ppm, sums.counts.dropped_frames).map(|ppm| ppm / MILLION);
    "avg_join_time" "s" "startup_ms_sum / startup_count"
        |sums| ratio(sums.counts.startup_ms, sums.counts.startups).map(seconds);
    "unique_viewers" "count" "unique_viewers_played" |sums| some(sums.unique(Unique::ViewersPlayed).count());
    "unique_known_users" "count" "unique_viewers" |sums| some(sums.unique(Unique::Viewers).count());
    "view_unique_audience" "count" "unique_viewers_viewed" |sums| some(sums.unique(Unique::ViewersViewed).count());
    "view_unique_engaged_users" "count" "unique_viewers_engaged"
        |sums| some(sums.unique(Unique::ViewersEngaged).count());
    "view_unique_buffering_users" "count" "unique_viewers_buffering"
        |sums| some(sums.unique(Unique::ViewersBuffering).count());
    "view_unique_audience_dvr" "count" "unique_viewers_dvr" |sums| some(sums.unique(Unique::ViewersDvr).count());
    "view_unique_sessions" "count" "unique_sessions_viewed" |sums| some(sums.unique(Unique::SessionsViewed).count());
    "avg_view_session_error_rate" "ratio" "unique_sessions_with_error / unique_sessions_viewed"
        |sums| session_error_rate(sums).map(|rate| rate.value);
    "error_unknown_position_count" "count" "errors_no_position_count" |sums| some(sums.counts.errors_no_position);
    "error_position_count" "count" "player_errors_count - errors_no_position_count"
        |sums| some(sums.counts.errors - sums.counts.errors_no_position);
    "count_ebvs" "count" "play_requests_count - plays_count - errors_no_position_count, at least 0"
        |sums| some(exits_before_start(&sums.counts));
    "ebvs_ratio" "ratio" "count_ebvs / play_requests_count"
        |sums| ratio(exits_before_start(&sums.counts), sums.counts.play_requests);
    "live_engaged_users_play_time_ratio" "ratio" "play_live_engaged_ms / play_live_ms"
        |sums| ratio(sums.counts.play_live_engaged_ms, sums.counts.play_live_ms);
    "beacon_loss_ratio" "ratio" "1 - beacons_received_count / beacons_expected_count, at least 0; not in Kaltura's reports"
        |sums| ratio(sums.counts.beacons_received, sums.counts.beacons_expected).map(|got| (1.0 - got).max(0.0));
}

#[allow(clippy::unnecessary_wraps, reason = "one of many that give a value or none")]
fn some(count: i64) -> Option<f64> {
    Some(count as f64)
}

/// `None` when there is nothing to divide by.
fn ratio(part: i64, whole: i64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

fn minutes(millis: f64) -> f64 {
    millis / MILLIS_PER_MINUTE
}

fn seconds(millis: f64) -> f64 {
    millis / MILLIS_PER_SECOND
}

fn engaged(counts: &Counts) -> i64 {
    counts.views_high.saturating_add(counts.views_good)
}

fn exits_before_start(counts: &Counts) -> i64 {
    (counts.play_requests - counts.plays - counts.errors_no_position).max(0)
}

fn drop_off(sums: &Sums) -> Option<f64> {
    let Counts { reached_25, reached_50, reached_75, reached_100, plays, .. } = &sums.counts;
    ratio(reached_25 + reached_50 + reached_75 + reached_100, *plays).map(|of_four| of_four / 4.0)
}

fn seen_by_any(sums: &Sums) -> Option<f64> {
    let curve = RetentionCurve::of(&sums.audience)?;
    let percents = curve.points.iter().take(CURVE_POINTS - 1);
    Some(percents.filter(|[_, sessions]| *sessions > 0).count() as f64)
}

/// A number with the interval in which the true one lies in 99 of 100 cases.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// The number.
    pub value: f64,
    /// The lowest that is likely.
    pub low: f64,
    /// The highest that is likely.
    pub high: f64,
}

/// As many standard errors hold 99 of 100 estimates.
const STANDARD_ERRORS: f64 = 2.6;

/// How many different ones there are; exact where low and high are the same.
pub fn unique_count(uniques: &Uniques) -> Estimate {
    let value = uniques.count() as f64;
    let error = relative_error(uniques) * value;
    Estimate { value, low: (value - error).max(0.0), high: value + error }
}

/// The share of sessions with a view that have an error.
pub fn session_error_rate(sums: &Sums) -> Option<Estimate> {
    let (with_error, viewed) = (sums.unique(Unique::SessionsWithError), sums.unique(Unique::SessionsViewed));
    let value = ratio(with_error.count(), viewed.count())?;
    // Two estimates err independently of one another.
    let error = relative_error(with_error).hypot(relative_error(viewed)) * value;
    Some(Estimate { value, low: (value - error).max(0.0), high: value + error })
}

fn relative_error(uniques: &Uniques) -> f64 {
    if uniques.is_exact() { 0.0 } else { STANDARD_ERRORS * STANDARD_ERROR_PPM as f64 / MILLION }
}

/// How many watched at a time, on average over the points of a graph: `range_ms` in at most `most_points` points, each of whole 10 s.
pub fn viewers(views: i64, range_ms: i64, most_points: i64) -> i64 {
    let tens = (range_ms / most_points.max(1).saturating_mul(VIEW_MS)).max(1);
    (views.saturating_add(tens - 1)) / tens
}

/// How engaging each of several entries is, against the best of them: up to 5 for plays, 2.5 for viewers, 2.5 for completion. `None` for
/// all when none of them was played.
pub fn engagement_ranking(entries: &[&Sums]) -> Vec<Option<f64>> {
    let known = |sums: &Sums| sums.unique(Unique::Viewers).count();
    let most_plays = entries.iter().map(|sums| sums.counts.plays).max().unwrap_or(0);
    let most_known = entries.iter().map(|sums| known(sums)).max().unwrap_or(0);
    let rank = |sums: &&Sums| {
        let plays = ratio(sums.counts.plays, most_plays)?;
        let completion = ratio(sums.completion_percent, sums.counts.plays).unwrap_or(0.0);
        let viewers = ratio(known(sums), most_known).unwrap_or(0.0);
        Some(5.0 * plays + 2.5 * viewers + (0.025 * completion).min(2.5))
    };
    entries.iter().map(rank).collect()
}

/// Shorter entries have no points at which viewers leave that could be told apart.
const SHORTEST_WITH_DROP_OFF_MS: i64 = 60_000;

/// Retention by percent of an entry, with how far it can be trusted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetentionCurve {
    /// How long the entry is, ms.
    pub duration_ms: i64,
    /// How that is known.
    pub duration_source: DurationSource,
    /// Two points must be this far apart to differ, ms.
    pub resolution_ms: i64,
    /// Views and sessions of each percent, and of the end.
    pub points: [[i64; 2]; CURVE_POINTS],
}

impl RetentionCurve {
    /// `None` as long as the duration is not known.
    pub fn of(audience: &Audience) -> Option<Self> {
        let (duration_ms, duration_source) = audience.duration().best()?;
        let resolution_ms = (duration_ms / 100).max(VIEW_MS);
        Some(Self { duration_ms, duration_source, resolution_ms, points: audience.curve(duration_ms) })
    }

    /// The views (0) or sessions (1) as text, with commas between.
    pub fn text(&self, place: usize) -> String {
        let numbers = self.points.iter().map(|point| point.get(place).copied().unwrap_or(0).to_string());
        numbers.collect::<Vec<_>>().join(",")
    }

    /// How far a point may be off, in percentage points of the sessions: viewers who leave or seek are known to have done so in the 10 s
    /// between two views; few of them may all err to one side. What viewers do about twice, on average, is taken into account.
    pub fn error_bound_pp(&self) -> f64 {
        let sessions = self.points.iter().map(|[_, sessions]| *sessions).max().unwrap_or(0).max(1);
        let unsure = VIEW_MS as f64 / self.duration_ms.max(VIEW_MS) as f64;
        (100.0 * (unsure + 3.0 * (2.0 * unsure / sessions as f64).sqrt())).min(100.0)
    }

    /// Whether points at which viewers leave can be told apart.
    pub const fn has_drop_off(&self) -> bool {
        self.duration_ms >= SHORTEST_WITH_DROP_OFF_MS
    }
}
