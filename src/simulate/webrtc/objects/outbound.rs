//! The objects of a `pub-0`.

use super::shared::Frame;
use super::{Id, Stats};
use crate::simulate::webrtc::control::ReceiverReport;
use crate::simulate::webrtc::facts::Identity;
use crate::simulate::webrtc::heard;
use crate::simulate::webrtc::layer::{Layer, Reason};
use crate::simulate::webrtc::publishing::{Publishing, Voice};
use crate::simulate::webrtc::seen::HEADER_BYTES;

const AUDIO_CODEC: &str = "COT01_111_minptime=10;useinbandfec=1";
const VIDEO_CODEC: &str = "COT01_96";
/// The names of simulcast's layers, as SFUs have them.
const RIDS: [&str; 3] = ["q", "h", "f"];

/// What a stream's two objects have in common.
#[derive(Clone, Copy, Debug)]
struct Stream {
    ssrc: u32,
    local: Id,
    remote: Id,
    codec: &'static str,
    kind: &'static str,
}

impl Stream {
    fn audio(ssrc: u32) -> Self {
        let (local, remote) = (Id::Stream("OT01A", ssrc), Id::Stream("RIA", ssrc));
        Self { ssrc, local, remote, codec: AUDIO_CODEC, kind: "audio" }
    }

    fn video(ssrc: u32) -> Self {
        let (local, remote) = (Id::Stream("OT01V", ssrc), Id::Stream("RIV", ssrc));
        Self { ssrc, local, remote, codec: VIDEO_CODEC, kind: "video" }
    }
}

/// Writes all objects of a sending peer connection, in the report of this number.
pub(in crate::simulate::webrtc) fn of_publisher(
    stats: &mut Stats<'_>,
    identity: &Identity,
    state: &Publishing,
    sequence: u32,
) {
    let connection = &state.connection;
    let at_us = connection.reached_us;
    let frame = Frame { identity, connection, at_us, audio_codec: AUDIO_CODEC, video_codec: VIDEO_CODEC };
    let voice = Stream::audio(connection.roots.ssrc(1));
    let stream = |layer: &Layer| Stream::video(connection.roots.ssrc(2 + u64::from(layer.number)));
    let layers = state.layers(sequence);

    frame.begin(stats, true);
    of_audio(stats, voice, &state.voice, at_us);
    for layer in layers {
        of_video(stats, stream(layer), layer, state.has_simulcast(), at_us);
    }
    remote_inbound(stats, voice, &state.voice.report);
    for layer in layers {
        remote_inbound(stats, stream(layer), &layer.report);
    }
    sources(stats, state, at_us);
    frame.end(stats);
}

fn of_audio(stats: &mut Stats<'_>, stream: Stream, voice: &Voice, at_us: i64) {
    let mut object = stats.object("outbound-rtp", stream.local, at_us);
    object.text("codecId", stream.codec).text("kind", stream.kind).text("mediaType", stream.kind);
    object.count("ssrc", u64::from(stream.ssrc)).text("transportId", "T01").count("bytesSent", voice.bytes);
    object.count("packetsSent", voice.packets).flag("active", true);
    object.count("headerBytesSent", voice.packets * heard::HEADER_BYTES).text("mediaSourceId", "SA1").text("mid", "0");
    object.count("nackCount", 0).count("packetsSentWithEct1", 0);
    if voice.report.count > 0 {
        object.id("remoteId", stream.remote);
    }
    object.count("retransmittedBytesSent", 0).count("retransmittedPacketsSent", 0).count("targetBitrate", 32_000);
    object.count("totalPacketSendDelay", 0).end();
}

fn of_video(stats: &mut Stats<'_>, stream: Stream, layer: &Layer, has_simulcast: bool, at_us: i64) {
    let mut object = stats.object("outbound-rtp", stream.local, at_us);
    object.text("codecId", stream.codec).text("kind", stream.kind).text("mediaType", stream.kind);
    object.count("ssrc", u64::from(stream.ssrc)).text("transportId", "T01").count("bytesSent", layer.bytes);
    object.count("packetsSent", layer.packets).flag("active", layer.is_active);
    object.text("encoderImplementation", if has_simulcast { "SimulcastEncoderAdapter (libvpx)" } else { "libvpx" });
    object.count("encodingIndex", u64::from(layer.number)).count("firCount", 0);
    if layer.is_active {
        object.count("frameHeight", u64::from(layer.height)).count("frameWidth", u64::from(layer.width));
    }
    object.count("framesEncoded", layer.frames);
    if layer.is_active {
        object.count("framesPerSecond", layer.frames_per_second);
    }
    object.count("framesSent", layer.frames).count("headerBytesSent", layer.packets * HEADER_BYTES);
    object.count("hugeFramesSent", 0).count("keyFramesEncoded", layer.key_frames).text("mediaSourceId", "SV2");
    object.text("mid", "1").count("nackCount", layer.nacks).count("packetsSentWithEct1", 0);
    object.count("pliCount", layer.key_frame_requests).flag("powerEfficientEncoder", false);
    object.count("qpSum", layer.qp_sum);
    let out = object.name("qualityLimitationDurations");
    for (reason, (micros, before)) in Reason::ALL.iter().zip(layer.limited_us.iter().zip(["{\"", ",\"", ",\"", ",\""]))
    {
        out.extend_from_slice(before.as_bytes());
        out.extend_from_slice(reason.name().as_bytes());
        out.extend_from_slice(b"\":");
        crate::simulate::write::decimal(out, micros / 1000, 3, true);
    }
    out.push(b'}');
    object.text("qualityLimitationReason", layer.reason.name());
    object.count("qualityLimitationResolutionChanges", layer.resolution_changes);
    if layer.report.count > 0 {
        object.id("remoteId", stream.remote);
    }
    object.count("retransmittedBytesSent", layer.repeated_bytes);
    object.count("retransmittedPacketsSent", layer.repeated_packets);
    if let (true, Some(rid)) = (has_simulcast, RIDS.get(usize::from(layer.number))) {
        object.text("rid", rid);
    }
    object.count("rtxSsrc", u64::from(stream.ssrc ^ 1)).text("scalabilityMode", "L1T1");
    if layer.is_active {
        object.count("targetBitrate", layer.target_kbps * 1000);
    }
    object.seconds("totalEncodeTime", layer.encode_us).count("totalEncodedBytesTarget", 0);
    object.seconds("totalPacketSendDelay", layer.send_delay_us).end();
}

fn remote_inbound(stats: &mut Stats<'_>, stream: Stream, report: &ReceiverReport) {
    if report.count == 0 {
        return;
    }
    let mut object = stats.object("remote-inbound-rtp", stream.remote, report.at_us);
    object.text("codecId", stream.codec).text("kind", stream.kind).text("mediaType", stream.kind);
    object.count("ssrc", u64::from(stream.ssrc)).text("transportId", "T01").seconds("jitter", report.jitter_us);
    // 1/256 has eight decimals.
    object.count("packetsLost", report.lost).decimal("fractionLost", report.fraction_lost * 390_625, 8);
    object.id("localId", stream.local);
    if report.rtt_count > 0 {
        object.seconds("roundTripTime", report.rtt_us);
    }
    object.count("roundTripTimeMeasurements", report.rtt_count).seconds("totalRoundTripTime", report.rtt_sum_us).end();
}

fn sources(stats: &mut Stats<'_>, state: &Publishing, at_us: i64) {
    let voice = &state.voice;
    let track = state.connection.roots.streams;
    let mut object = stats.object("media-source", Id::Fixed("SA1"), at_us);
    object.text("kind", "audio").uuid("trackIdentifier", track).decimal("audioLevel", voice.level, 4);
    object.decimal("totalAudioEnergy", voice.energy, 11).seconds("totalSamplesDuration", voice.captured_us).end();
    let mut object = stats.object("media-source", Id::Fixed("SV2"), at_us);
    object.text("kind", "video").uuid("trackIdentifier", !track).count("frames", state.frames);
    object.count("framesPerSecond", 30).count("height", 720).count("width", 1280).end();
}
