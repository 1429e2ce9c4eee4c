//! The constants of the scores of calls, as a topology file declares them.

use crate::aggregate::webrtc::{Codec, CodecConstants, ScoreSettings};
use crate::config::Section;

/// The codecs of audio that have constants of their own, each by its name.
const CODECS: [Codec; 8] = [
    Codec::Unknown,
    Codec::Opus,
    Codec::OpusWithoutFec,
    Codec::Red,
    Codec::G711,
    Codec::G722,
    Codec::G729,
    Codec::Other,
];

/// What is not declared keeps its built-in value.
pub(super) fn scores(mut section: Section<'_>) -> ScoreSettings {
    let built_in = ScoreSettings::default();
    let mut codecs = section.section("codecs");
    let declared = CODECS.map(|codec| {
        let CodecConstants { impairment, robustness } = built_in.codec(codec);
        let mut own = codecs.section(codec.as_str());
        let constants = CodecConstants {
            impairment: own.decimal("impairment", 0.0..=95.0, impairment),
            robustness: own.decimal("robustness", 0.1..=100.0, robustness),
        };
        own.finish();
        (codec, constants)
    });
    codecs.finish();
    let mut decimal = |key, range, default| section.decimal(key, range, default);
    let settings = ScoreSettings {
        codecs: declared.into(),
        vp9_factor: decimal("vp9_factor", 0.1..=10.0, built_in.vp9_factor),
        worst_freeze_ratio: decimal("worst_freeze_ratio", 0.01..=1.0, built_in.worst_freeze_ratio),
        frame_rate: decimal("frame_rate", 1.0..=240.0, built_in.frame_rate),
        free_delay_ms: decimal("free_delay_ms", 0.0..=10_000.0, built_in.free_delay_ms),
        delay_penalty: decimal("delay_penalty", 0.0..=1.0, built_in.delay_penalty),
        audio_loss_weight: decimal("audio_loss_weight", 0.0..=100.0, built_in.audio_loss_weight),
        video_loss_weight: decimal("video_loss_weight", 0.0..=100.0, built_in.video_loss_weight),
        audio_packet_rate: decimal("audio_packet_rate", 0.0..=1000.0, built_in.audio_packet_rate),
        bad_below: decimal("bad_below", 1.0..=5.0, built_in.bad_below),
    };
    section.finish();
    settings
}
