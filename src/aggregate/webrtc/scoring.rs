//! From measurements to scores: the worst stream of each kind, each direction by itself, and the reasons.

use super::found::Codec;
use super::layout::Class;
use super::measure::Measure;
use super::score::{self, Audio, Lost, Score, ScoreSettings, Video, Way};
use super::totals::Totals;

/// A stream's score needs at least this much of it, microseconds.
const COVERED_MIN_US: i64 = 1_000_000;
/// Time that audio spends in a packet, ms.
const PACKET_MS: f64 = 20.0;

/// What one stream did in a window.
pub(super) struct Stream {
    pub(super) class: Class,
    pub(super) codec: Codec,
    pub(super) totals: Totals,
}

/// What the scores of a window lost, as text: `audio_concealment:-630,audio_delay:-120`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Reasons {
    pub(super) inbound: String,
    pub(super) outbound: String,
}

/// Scores streams that share a way, and sets the measurements that say so in `totals`, which has all other measurements of them.
pub(super) fn score(settings: &ScoreSettings, streams: &[Stream], totals: &mut Totals) -> Reasons {
    let scoring = Scoring { settings, totals, rtt_ms: rtt_ms(totals) };
    let audio_in = worst(streams, Class::AudioIn, |one| scoring.audio_in(one));
    let video_in = worst(streams, Class::VideoIn, |one| scoring.video_in(one));
    let audio_out = scoring.audio_out(streams);
    let video_out = streams.iter().filter(|one| one.class == Class::VideoOut);
    let video_out = video_out.filter_map(|one| scoring.video_out(one)).max_by_key(|score| score.milli);
    let (way_in, way_out) = (scoring.way_in(), scoring.way_out());
    for (score, sum, count) in [
        (&audio_in, Measure::AudioInScore, Measure::AudioInScoreCount),
        (&video_in, Measure::VideoInScore, Measure::VideoInScoreCount),
        (&way_in, Measure::ConnectionInScore, Measure::ConnectionInScoreCount),
        (&audio_out, Measure::AudioOutScore, Measure::AudioOutScoreCount),
        (&video_out, Measure::VideoOutScore, Measure::VideoOutScoreCount),
        (&way_out, Measure::ConnectionOutScore, Measure::ConnectionOutScoreCount),
    ] {
        totals.set(sum, score.as_ref().map_or(0, |score| score.milli));
        totals.set(count, i64::from(score.is_some()));
    }
    let is_bad = worst_milli(totals).map(|worst| worst < score::milli(settings.bad_below));
    totals.set(Measure::ScoredWindows, i64::from(is_bad.is_some()));
    totals.set(Measure::BadWindows, i64::from(is_bad == Some(true)));
    Reasons { inbound: reasons(audio_in, video_in), outbound: reasons(audio_out, video_out) }
}

/// The score of the worst stream, of those that one window's measurements have.
pub(super) fn worst_milli(totals: &Totals) -> Option<i64> {
    let scores = STREAM_SCORES.iter().filter(|(_, count)| totals.get(*count) > 0);
    scores.map(|(sum, _)| totals.get(*sum)).min()
}

/// The scores of streams, and their counts.
const STREAM_SCORES: [(Measure, Measure); 4] = [
    (Measure::AudioInScore, Measure::AudioInScoreCount),
    (Measure::VideoInScore, Measure::VideoInScoreCount),
    (Measure::AudioOutScore, Measure::AudioOutScoreCount),
    (Measure::VideoOutScore, Measure::VideoOutScoreCount),
];

/// Puts the scores of a session at several edges together: the worst of each kind.
pub(super) fn keep_worst(totals: &mut Totals, parts: &[&Totals]) {
    let ways = [
        (Measure::ConnectionInScore, Measure::ConnectionInScoreCount),
        (Measure::ConnectionOutScore, Measure::ConnectionOutScoreCount),
    ];
    for (sum, count) in STREAM_SCORES.into_iter().chain(ways) {
        let scores = parts.iter().filter(|part| part.get(count) > 0);
        let worst = scores.map(|part| part.get(sum)).min();
        totals.set(sum, worst.unwrap_or(0));
        totals.set(count, i64::from(worst.is_some()));
    }
    for count in [Measure::ScoredWindows, Measure::BadWindows] {
        totals.set(count, totals.get(count).min(1));
    }
}

fn worst(streams: &[Stream], class: Class, of: impl Fn(&Stream) -> Option<Score>) -> Option<Score> {
    let of_class = streams.iter().filter(|one| one.class == class);
    of_class.filter_map(of).min_by_key(|score| score.milli)
}

/// What was lost, the most first; at equal loss in the order of the parts.
fn reasons(audio: Option<Score>, video: Option<Score>) -> String {
    let of = |kind: &'static str, score: Option<Score>| {
        let lost = score.map(|score| score.lost).unwrap_or_default();
        lost.into_iter().map(move |lost| (kind, lost))
    };
    let mut all: Vec<(&str, Lost)> = of("audio", audio).chain(of("video", video)).collect();
    all.sort_by_key(|(_, lost)| std::cmp::Reverse(lost.milli));
    let texts: Vec<String> = all.iter().map(|(kind, lost)| format!("{kind}_{}:-{}", lost.by, lost.milli)).collect();
    texts.join(",")
}

struct Scoring<'s> {
    settings: &'s ScoreSettings,
    /// Of all streams.
    totals: &'s Totals,
    rtt_ms: f64,
}

impl Scoring<'_> {
    fn audio_in(&self, one: &Stream) -> Option<Score> {
        let value = |measure| one.totals.get(measure);
        let samples = value(Measure::AudioInSamples);
        let packets = value(Measure::AudioInPackets);
        if !self.is_heard(packets, value(Measure::AudioInCoveredUs)) {
            return None;
        }
        let lost = value(Measure::AudioInLost);
        let is_packets = samples <= 0;
        let loss_percent = if is_packets {
            percent(lost, lost.saturating_add(packets))?
        } else {
            percent(value(Measure::AudioInConcealed).saturating_sub(value(Measure::AudioInSilent)), samples)?
        };
        // How long the audio of these samples lasts tells how many there are in a second.
        let samples_per_ms = ratio(samples, value(Measure::AudioInEnergyUs)).map_or(48.0, |per_us| per_us * 1000.0);
        let burst = ratio(value(Measure::AudioInConcealed), value(Measure::AudioInConcealments));
        let buffer_us = ratio(value(Measure::AudioInBuffer), value(Measure::AudioInBufferCount)).unwrap_or(0.0);
        let playout_us = ratio(self.totals.get(Measure::PlayoutDelay), self.totals.get(Measure::PlayoutDelayCount));
        let delay_ms = self.rtt_ms / 2.0 + buffer_us / 1000.0 + PACKET_MS + playout_us.unwrap_or(0.0) / 1000.0;
        let burst_ms = burst.filter(|_| !is_packets).map_or(0.0, |samples| samples / samples_per_ms);
        Some(score::audio(self.settings, &Audio { codec: one.codec, delay_ms, loss_percent, burst_ms, is_packets }))
    }

    fn video_in(&self, one: &Stream) -> Option<Score> {
        let value = |measure| one.totals.get(measure);
        let covered_us = value(Measure::VideoInCoveredUs);
        if covered_us < COVERED_MIN_US || value(Measure::VideoInBytes) <= 0 {
            return None;
        }
        let harmonic = ratio(value(Measure::VideoInInterFrame), value(Measure::VideoInInterFrameSquared));
        let mean = ratio(value(Measure::VideoInFrames), covered_us).map(|rate| rate * 1e6);
        let buffer_us = ratio(value(Measure::VideoInBuffer), value(Measure::VideoInBufferCount)).unwrap_or(0.0);
        let input = Video {
            codec: one.codec,
            bits_per_pixel: ratio(value(Measure::VideoInSizedBytes).saturating_mul(8), value(Measure::VideoInPixels)),
            freeze_ratio: ratio(value(Measure::VideoInFreezeUs), covered_us).unwrap_or(0.0),
            frame_rate: harmonic.map(|rate| rate * 1000.0).or(mean),
            captured_rate: None,
            delay_ms: self.rtt_ms / 2.0 + buffer_us / 1000.0,
        };
        score::video(self.settings, &input)
    }

    /// The far end says what was lost, not what was heard: of all streams at once, because there is hardly ever more than one.
    fn audio_out(&self, streams: &[Stream]) -> Option<Score> {
        let value = |measure| self.totals.get(measure);
        if !self.is_heard(value(Measure::AudioOutPackets), value(Measure::AudioOutCoveredUs)) {
            return None;
        }
        let fraction = ratio(value(Measure::AudioOutFractionLost), value(Measure::AudioOutFractionLostCount));
        let counted = percent(value(Measure::AudioOutRemoteLost), value(Measure::AudioOutRemotePackets));
        let loss_percent = counted.or(fraction.map(|ppm| ppm / 10_000.0))?;
        let codec = streams.iter().find(|one| one.class == Class::AudioOut).map_or(Codec::Unknown, |one| one.codec);
        let delay_ms = self.rtt_ms / 2.0 + PACKET_MS;
        Some(score::audio(self.settings, &Audio { codec, delay_ms, loss_percent, burst_ms: 0.0, is_packets: true }))
    }

    fn video_out(&self, one: &Stream) -> Option<Score> {
        let value = |measure| one.totals.get(measure);
        let covered_us = value(Measure::VideoOutCoveredUs);
        if covered_us < COVERED_MIN_US || value(Measure::VideoOutBytes) <= 0 {
            return None;
        }
        let captured =
            ratio(self.totals.get(Measure::VideoSourceFrames), self.totals.get(Measure::VideoSourceCoveredUs));
        let input = Video {
            codec: one.codec,
            bits_per_pixel: ratio(value(Measure::VideoOutSizedBytes).saturating_mul(8), value(Measure::VideoOutPixels)),
            freeze_ratio: 0.0,
            frame_rate: ratio(value(Measure::VideoOutFrames), covered_us).map(|rate| rate * 1e6),
            captured_rate: captured.map(|rate| rate * 1e6),
            delay_ms: self.rtt_ms / 2.0,
        };
        score::video(self.settings, &input)
    }

    fn way_in(&self) -> Option<Score> {
        let value = |measure| self.totals.get(measure);
        let (audio, video) = (value(Measure::AudioInLost), value(Measure::VideoInLost));
        self.way(
            percent(audio, audio.saturating_add(value(Measure::AudioInPackets))),
            percent(video, video.saturating_add(value(Measure::VideoInPackets))),
            [
                (Measure::AudioInJitter, Measure::AudioInJitterCount),
                (Measure::VideoInJitter, Measure::VideoInJitterCount),
            ],
        )
    }

    fn way_out(&self) -> Option<Score> {
        let value = |measure| self.totals.get(measure);
        self.way(
            percent(value(Measure::AudioOutRemoteLost), value(Measure::AudioOutRemotePackets)),
            percent(value(Measure::VideoOutRemoteLost), value(Measure::VideoOutRemotePackets)),
            [
                (Measure::AudioOutRemoteJitter, Measure::AudioOutRemoteJitterCount),
                (Measure::VideoOutRemoteJitter, Measure::VideoOutRemoteJitterCount),
            ],
        )
    }

    /// The worse of both kinds of media; each bears loss by itself.
    fn way(&self, audio: Option<f64>, video: Option<f64>, jitter: [(Measure, Measure); 2]) -> Option<Score> {
        let weights = [self.settings.audio_loss_weight, self.settings.video_loss_weight];
        let kinds = [audio, video].into_iter().zip(jitter).zip(weights);
        let scores = kinds.filter_map(|((loss, (sum, count)), loss_weight)| {
            let jitter_us = ratio(self.totals.get(sum), self.totals.get(count)).unwrap_or(0.0);
            let (rtt_ms, jitter_ms, loss_percent) = (self.rtt_ms, jitter_us / 1000.0, loss?);
            Some(score::way(&Way { rtt_ms, jitter_ms, loss_percent, loss_weight }))
        });
        scores.min_by_key(|score| score.milli)
    }

    /// Whether enough packets come that what is missing can be told.
    fn is_heard(&self, packets: i64, covered_us: i64) -> bool {
        let rate = ratio(packets, covered_us).map_or(0.0, |rate| rate * 1e6);
        covered_us >= COVERED_MIN_US && rate >= self.settings.audio_packet_rate
    }
}

/// The mean round trip: by RTCP, else by ICE; 0 when none is known.
fn rtt_ms(totals: &Totals) -> f64 {
    let rtcp = ratio(totals.get(Measure::Rtt), totals.get(Measure::RttCount));
    let ice = || ratio(totals.get(Measure::IceRtt), totals.get(Measure::IceRttCount));
    rtcp.or_else(ice).unwrap_or(0.0) / 1000.0
}

#[allow(clippy::cast_precision_loss)]
fn ratio(sum: i64, over: i64) -> Option<f64> {
    (over > 0).then(|| sum as f64 / over as f64)
}

fn percent(part: i64, whole: i64) -> Option<f64> {
    ratio(part.max(0), whole).map(|ratio| ratio * 100.0)
}
