//! Scores on the scale of mean opinions, 1 to 5 (MOS), and what they lost by which part.
//!
//! Floats live only here: measurements go in, thousandths come out, rounded at the end.
//! - Audio: ITU-T G.107, reduced: R = 93.2 − Id − Ie,eff, with the audible concealment in place of the packet loss.
//! - Video: the smaller of fidelity (bits per pixel) and fluidity (freezes and harmonic frame rate), less a penalty for delay.
//! - The way between: LiveKit's packet score, 100 − delay − loss, on the scale of R.

use super::found::Codec;

/// How a codec bears loss (ITU-T G.113 appendix I).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CodecConstants {
    /// Ie: what it takes away by itself.
    pub impairment: f64,
    /// Bpl: the loss, in percent, at which half of the rest is gone.
    pub robustness: f64,
}

/// The constants of the scores.
#[derive(Clone, Debug, PartialEq)]
pub struct ScoreSettings {
    /// Of audio codecs; what is not there has those of the first.
    pub codecs: Vec<(Codec, CodecConstants)>,
    /// How much better VP9 looks than other codecs with the same bits.
    pub vp9_factor: f64,
    /// The share of frozen time at which fluidity is at its worst.
    pub worst_freeze_ratio: f64,
    /// The frame rate that is as good as any higher one.
    pub frame_rate: f64,
    /// The delay from which video is worse by [`Self::delay_penalty`] for each further ms.
    pub free_delay_ms: f64,
    /// MOS for each ms.
    pub delay_penalty: f64,
    /// How much a percent of lost audio takes from the score of the way.
    pub audio_loss_weight: f64,
    /// The same for video.
    pub video_loss_weight: f64,
    /// Packets a second below which audio is muted or discontinuous.
    pub audio_packet_rate: f64,
    /// The score (MOS) of the worst stream below which a window is bad.
    pub bad_below: f64,
}

impl Default for ScoreSettings {
    fn default() -> Self {
        let of = |codec, impairment, robustness| (codec, CodecConstants { impairment, robustness });
        Self {
            codecs: vec![
                // In WebRTC what is not named is Opus.
                of(Codec::Unknown, 0.0, 20.0),
                of(Codec::Opus, 0.0, 20.0),
                of(Codec::OpusWithoutFec, 0.0, 10.0),
                of(Codec::Red, 0.0, 20.0),
                of(Codec::G711, 0.0, 25.1),
                of(Codec::G722, 4.0, 15.7),
                of(Codec::G729, 11.0, 19.0),
                of(Codec::Other, 10.0, 10.0),
            ],
            vp9_factor: 1.2,
            worst_freeze_ratio: 0.25,
            frame_rate: 30.0,
            free_delay_ms: 150.0,
            delay_penalty: 0.002,
            audio_loss_weight: 8.0,
            video_loss_weight: 10.0,
            audio_packet_rate: 10.0,
            bad_below: 3.1,
        }
    }
}

impl ScoreSettings {
    /// Those of a codec.
    pub fn codec(&self, codec: Codec) -> CodecConstants {
        let found = self.codecs.iter().find(|(known, _)| *known == codec).or(self.codecs.first());
        found.map_or(CodecConstants { impairment: 0.0, robustness: 20.0 }, |(_, constants)| *constants)
    }
}

/// What a score lost by one part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Lost {
    pub(super) by: &'static str,
    /// MOS · 1000.
    pub(super) milli: i64,
}

/// A score, and what it lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Score {
    /// MOS · 1000.
    pub(super) milli: i64,
    pub(super) lost: Vec<Lost>,
}

/// What audio is scored by.
#[derive(Clone, Copy, Debug)]
pub(super) struct Audio {
    pub(super) codec: Codec,
    /// From mouth to ear.
    pub(super) delay_ms: f64,
    /// What was heard to be missing.
    pub(super) loss_percent: f64,
    /// How long that lasted each time; 0 = not known.
    pub(super) burst_ms: f64,
    /// Whether it is packets rather than samples that are missing.
    pub(super) is_packets: bool,
}

/// What video is scored by.
#[derive(Clone, Copy, Debug)]
pub(super) struct Video {
    pub(super) codec: Codec,
    pub(super) bits_per_pixel: Option<f64>,
    pub(super) freeze_ratio: f64,
    pub(super) frame_rate: Option<f64>,
    /// The frame rate that was captured, if it is known.
    pub(super) captured_rate: Option<f64>,
    pub(super) delay_ms: f64,
}

/// What a way is scored by.
#[derive(Clone, Copy, Debug)]
pub(super) struct Way {
    pub(super) rtt_ms: f64,
    pub(super) jitter_ms: f64,
    pub(super) loss_percent: f64,
    /// How much a percent of it takes away.
    pub(super) loss_weight: f64,
}

/// R without any impairment.
const R_BEST: f64 = 93.2;

/// R as a mean opinion score (ITU-T G.107 annex B).
fn mos(r: f64) -> f64 {
    match r {
        ..=0.0 => 1.0,
        100.0.. => 4.5,
        _ => 1.0 + 0.035 * r + 7e-6 * r * (r - 60.0) * (100.0 - r),
    }
}

/// What delay takes from R.
fn delay_impairment(delay_ms: f64) -> f64 {
    0.024 * delay_ms + 0.11 * (delay_ms - 177.3).max(0.0)
}

/// What the codec and loss take from R.
fn equipment_impairment(constants: CodecConstants, loss_percent: f64, burst: f64) -> f64 {
    let CodecConstants { impairment, robustness } = constants;
    impairment + (95.0 - impairment) * loss_percent / (loss_percent / burst + robustness)
}

/// By the reduced G.107.
pub(super) fn audio(settings: &ScoreSettings, input: &Audio) -> Score {
    let constants = settings.codec(input.codec);
    let loss = input.loss_percent.clamp(0.0, 100.0);
    let burst = (input.burst_ms / 20.0 * (1.0 - loss / 100.0)).max(1.0);
    let delay = delay_impairment(input.delay_ms.max(0.0));
    let equipment = equipment_impairment(constants, loss, burst);
    let score = mos(R_BEST - delay - equipment);
    let missing = if input.is_packets { "loss" } else { "concealment" };
    let parts = [(missing, equipment - constants.impairment), ("delay", delay), ("codec", constants.impairment)];
    // Each part has its share of what is missing, as it has of R.
    let whole: f64 = parts.iter().map(|(_, part)| part).sum();
    let share = if whole > 0.0 { (mos(R_BEST) - score) / whole } else { 0.0 };
    Score { milli: milli(score), lost: lost(parts.iter().map(|(by, part)| (*by, part * share))) }
}

/// By bits per pixel, freezes, frame rate and delay; `None` if none of the first three is known.
pub(super) fn video(settings: &ScoreSettings, input: &Video) -> Option<Score> {
    let factor = if input.codec == Codec::Vp9 { settings.vp9_factor } else { 1.0 };
    let fidelity = input.bits_per_pixel.filter(|bits| *bits > 0.0);
    let fidelity = fidelity.map(|bits| (0.56 * (factor * bits).ln() + 5.36).clamp(1.0, 5.0));
    let best_rate = input.captured_rate.unwrap_or(settings.frame_rate).clamp(1.0, settings.frame_rate);
    let freezes = 4.0 * (input.freeze_ratio / settings.worst_freeze_ratio).min(1.0);
    let slowness = input.frame_rate.map_or(0.0, |rate| (1.0 - rate / best_rate).max(0.0));
    if fidelity.is_none() && input.frame_rate.is_none() {
        return None;
    }
    let fluidity = 5.0 - freezes - slowness;
    let fidelity = fidelity.unwrap_or(5.0);
    let delay = settings.delay_penalty * (input.delay_ms - settings.free_delay_ms).max(0.0);
    let score = (fidelity.min(fluidity) - delay).clamp(1.0, 5.0);
    let parts = if fidelity < fluidity {
        [("compression", 5.0 - fidelity), ("delay", delay), ("", 0.0)]
    } else {
        [("freeze", freezes), ("frame_rate", slowness), ("delay", delay)]
    };
    Some(Score { milli: milli(score), lost: lost(parts.into_iter()) })
}

/// By delay, jitter and loss: 0 to 100, and as a mean opinion score.
pub(super) fn way(input: &Way) -> Score {
    milli_of_way(way_of_100(input))
}

fn way_of_100(input: &Way) -> f64 {
    let delay = input.rtt_ms / 2.0 + 2.0 * input.jitter_ms;
    let effect = if delay < 160.0 { delay / 40.0 } else { (delay - 120.0) / 10.0 };
    (100.0 - effect - input.loss_percent * input.loss_weight).clamp(0.0, 100.0)
}

fn milli_of_way(score: f64) -> Score {
    Score { milli: milli(mos(score).min(4.5)), lost: Vec::new() }
}

#[allow(clippy::cast_possible_truncation)]
pub(super) fn milli(score: f64) -> i64 {
    (score * 1000.0).round() as i64
}

/// Those parts that cost anything.
fn lost(parts: impl Iterator<Item = (&'static str, f64)>) -> Vec<Lost> {
    let parts = parts.map(|(by, part)| Lost { by, milli: milli(part) });
    parts.filter(|lost| lost.milli > 0).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(found: f64, expected: f64, within: f64) -> bool {
        (found - expected).abs() <= within
    }

    #[test]
    fn the_golden_vectors_of_g_107() {
        for (delay, loss, impairment, robustness, r, score) in [
            (50.0, 0.0, 0.0, 10.0, 92.00, 4.385),
            (50.0, 1.0, 0.0, 10.0, 83.36, 4.145),
            (50.0, 1.0, 0.0, 20.0, 87.48, 4.272),
            (100.0, 2.0, 0.0, 20.0, 82.16, 4.103),
            (150.0, 5.0, 0.0, 20.0, 70.60, 3.625),
            (200.0, 5.0, 0.0, 20.0, 66.90, 3.449),
            (250.0, 10.0, 0.0, 20.0, 47.54, 2.446),
            (400.0, 0.0, 0.0, 20.0, 59.10, 3.053),
            (50.0, 2.0, 11.0, 19.0, 73.00, 3.734),
        ] {
            let constants = CodecConstants { impairment, robustness };
            let found = R_BEST - delay_impairment(delay) - equipment_impairment(constants, loss, 1.0);
            assert!(near(found, r, 0.006), "{delay} {loss}: R {found}");
            assert!(near(mos(found), score, 0.0006), "{delay} {loss}: MOS {}", mos(found));
        }
        for (burst_ms, score) in [(20.0, 3680), (42.105_263, 3580), (84.210_526, 3520)] {
            let input = Audio { codec: Codec::Opus, delay_ms: 100.0, loss_percent: 5.0, burst_ms, is_packets: false };
            let found = audio(&ScoreSettings::default(), &input);
            assert!(found.milli.abs_diff(score) <= 5, "burst {burst_ms} ms: {}", found.milli);
        }
    }

    #[test]
    fn the_golden_vectors_of_the_way() {
        for (rtt_ms, jitter_ms, loss_percent, loss_weight, score) in [
            (50.0, 5.0, 0.0, 8.0, 99.12),
            (100.0, 20.0, 1.0, 8.0, 89.75),
            (200.0, 30.0, 2.5, 8.0, 76.0),
            (300.0, 50.0, 5.0, 10.0, 37.0),
        ] {
            let found = way_of_100(&Way { rtt_ms, jitter_ms, loss_percent, loss_weight });
            assert!(near(found, score, 0.006), "{rtt_ms}: {found}");
        }
    }

    #[test]
    fn video_is_as_good_as_its_worse_side_and_says_what_it_lost() {
        let settings = ScoreSettings::default();
        // 0.56 · ln 0.1 + 5.36 = 4.0706; fluidity 5 − 4 · 0.082 / 0.25 − (1 − 10.9 / 30) = 3.0513.
        let input = Video {
            codec: Codec::Vp8,
            bits_per_pixel: Some(0.1),
            freeze_ratio: 0.082,
            frame_rate: Some(10.9),
            captured_rate: None,
            delay_ms: 200.0,
        };
        let found = video(&settings, &input);
        let lost = |by, milli| Lost { by, milli };
        let parts = vec![lost("freeze", 1312), lost("frame_rate", 637), lost("delay", 100)];
        assert_eq!(found, Some(Score { milli: 2951, lost: parts }));
        let smooth = Video { freeze_ratio: 0.0, frame_rate: Some(30.0), delay_ms: 0.0, ..input };
        assert_eq!(video(&settings, &smooth), Some(Score { milli: 4071, lost: vec![lost("compression", 929)] }));
        let unknown = Video { bits_per_pixel: None, frame_rate: None, ..input };
        assert_eq!(video(&settings, &unknown), None);
    }
}
