//! The objects of a `sub-0`.

use super::shared::Frame;
use super::{Id, Object, Stats};
use crate::simulate::webrtc::control::SenderReport;
use crate::simulate::webrtc::facts::{Client, Identity};
use crate::simulate::webrtc::heard::{self, Heard, SAMPLES_PER_MS};
use crate::simulate::webrtc::seen::{self, Seen};
use crate::simulate::webrtc::subscribing::Subscribing;

const AUDIO_CODEC: &str = "CIT01_111_minptime=10;useinbandfec=1";
const VIDEO_CODEC: &str = "CIT01_96";

/// From 1900, which Chromium counts playout times from, to 1970.
const NTP_US: i64 = 2_208_988_800_000_000;

/// What a stream's two objects have in common.
#[derive(Clone, Copy, Debug)]
struct Stream {
    ssrc: u32,
    local: Id,
    remote: Id,
    codec: &'static str,
    kind: &'static str,
    mid: &'static str,
}

/// Writes all objects of a receiving peer connection.
pub(in crate::simulate::webrtc) fn of_subscriber(stats: &mut Stats<'_>, identity: &Identity, state: &Subscribing) {
    let connection = &state.connection;
    let at_us = connection.reached_us;
    let frame = Frame { identity, connection, at_us, audio_codec: AUDIO_CODEC, video_codec: VIDEO_CODEC };
    let audio = {
        let ssrc = connection.roots.ssrc(1);
        let (local, remote) = (Id::Stream("IT01A", ssrc), Id::Stream("ROA", ssrc));
        Stream { ssrc, local, remote, codec: AUDIO_CODEC, kind: "audio", mid: "0" }
    };
    let video = {
        let ssrc = connection.roots.ssrc(2);
        let (local, remote) = (Id::Stream("IT01V", ssrc), Id::Stream("ROV", ssrc));
        Stream { ssrc, local, remote, codec: VIDEO_CODEC, kind: "video", mid: "1" }
    };

    playout(stats, &state.heard, at_us);
    frame.begin(stats, state.seen().is_some());
    of_audio(stats, audio, &state.heard, identity, at_us);
    if let Some(seen) = state.seen() {
        of_video(stats, video, seen, identity, at_us);
    }
    remote_outbound(stats, audio, &state.heard.report);
    if let Some(seen) = state.seen() {
        remote_outbound(stats, video, &seen.report);
    }
    frame.end(stats);
}

fn playout(stats: &mut Stats<'_>, heard: &Heard, at_us: i64) {
    let mut playout = stats.object("media-playout", Id::Fixed("AP"), at_us);
    playout.text("kind", "audio").count("synthesizedSamplesDuration", 0).count("synthesizedSamplesEvents", 0);
    // 30 ms from the mixer to the loudspeaker.
    playout.decimal("totalPlayoutDelay", heard.samples * 3, 2).count("totalSamplesCount", heard.samples);
    playout.decimal("totalSamplesDuration", heard.samples / SAMPLES_PER_MS, 3).end();
}

/// The members that audio and video begin with.
fn begin<'a>(stats: &'a mut Stats<'_>, stream: Stream, at_us: i64) -> Object<'a> {
    let mut object = stats.object("inbound-rtp", stream.local, at_us);
    object.text("codecId", stream.codec).text("kind", stream.kind).text("mediaType", stream.kind);
    object.count("ssrc", u64::from(stream.ssrc)).text("transportId", "T01");
    object
}

fn of_audio(stats: &mut Stats<'_>, stream: Stream, heard: &Heard, identity: &Identity, at_us: i64) {
    let mut object = begin(stats, stream, at_us);
    object.seconds("jitter", heard.jitter_us).signed("packetsLost", heard.lost);
    object.count("packetsReceived", heard.packets).count("packetsReceivedWithCe", 0);
    object.count("packetsReceivedWithEct1", 0).decimal("audioLevel", heard.level, 4);
    object.count("bytesReceived", heard.bytes).count("concealedSamples", heard.concealed);
    object.count("concealmentEvents", heard.concealments);
    playout_time(&mut object, identity, at_us);
    object.count("fecPacketsDiscarded", 0).count("fecPacketsReceived", 0);
    object.count("headerBytesReceived", heard.packets * heard::HEADER_BYTES);
    object.count("insertedSamplesForDeceleration", heard.inserted);
    object.seconds("jitterBufferDelay", heard.delay_us);
    object.count("jitterBufferEmittedCount", heard.emitted);
    object.seconds("jitterBufferMinimumDelay", heard.target_us);
    object.seconds("jitterBufferTargetDelay", heard.target_us);
    object.time("lastPacketReceivedTimestamp", heard.last_packet_us).text("mid", stream.mid);
    object.count("packetsDiscarded", 0).text("playoutId", "AP");
    remote_id(&mut object, stream, &heard.report);
    object.count("removedSamplesForAcceleration", heard.removed);
    object.count("silentConcealedSamples", heard.silent_concealed).decimal("totalAudioEnergy", heard.energy, 11);
    object.seconds("totalProcessingDelay", heard.processing_us);
    object.decimal("totalSamplesDuration", heard.samples / SAMPLES_PER_MS, 3);
    object.count("totalSamplesReceived", heard.samples).uuid("trackIdentifier", u64::from(stream.ssrc)).end();
}

fn of_video(stats: &mut Stats<'_>, stream: Stream, seen: &Seen, identity: &Identity, at_us: i64) {
    let mut object = begin(stats, stream, at_us);
    object.seconds("jitter", seen.jitter_us).signed("packetsLost", seen.lost);
    object.count("packetsReceived", seen.packets).count("packetsReceivedWithCe", 0);
    object.count("packetsReceivedWithEct1", 0).count("bytesReceived", seen.bytes);
    object.text("decoderImplementation", "libvpx");
    playout_time(&mut object, identity, at_us);
    object.count("firCount", 0).count("frameHeight", u64::from(seen.height));
    object.count("frameWidth", u64::from(seen.width));
    object.count("framesAssembledFromMultiplePackets", seen.frames_assembled);
    object.count("framesDecoded", seen.frames_decoded).count("framesDropped", seen.frames_dropped);
    object.count("framesPerSecond", seen.frames_per_second).count("framesReceived", seen.frames_received);
    object.count("freezeCount", seen.freezes).count("headerBytesReceived", seen.packets * seen::HEADER_BYTES);
    object.seconds("jitterBufferDelay", seen.delay_us).count("jitterBufferEmittedCount", seen.frames_decoded);
    object.seconds("jitterBufferMinimumDelay", seen.minimum_us).seconds("jitterBufferTargetDelay", seen.target_us);
    object.count("keyFramesDecoded", seen.key_frames).time("lastPacketReceivedTimestamp", seen.last_packet_us);
    object.text("mid", stream.mid).count("nackCount", seen.nacks).count("pauseCount", 0);
    object.count("pliCount", seen.key_frame_requests).flag("powerEfficientDecoder", false).count("qpSum", seen.qp_sum);
    remote_id(&mut object, stream, &seen.report);
    object.count("retransmittedBytesReceived", seen.repaired_bytes);
    object.count("retransmittedPacketsReceived", seen.repaired_packets);
    object.count("rtxSsrc", u64::from(stream.ssrc ^ 1)).seconds("totalAssemblyTime", seen.assembly_us);
    object.seconds("totalDecodeTime", seen.decode_us).seconds("totalFreezesDuration", seen.frozen_us);
    object.seconds("totalInterFrameDelay", seen.inter_frame_us).count("totalPausesDuration", 0);
    object.seconds("totalProcessingDelay", seen.processing_us());
    // µs² in thousands are 1e-9 s².
    object.decimal("totalSquaredInterFrameDelay", seen.inter_frame_squared / 1000, 9);
    object.uuid("trackIdentifier", u64::from(stream.ssrc)).end();
}

/// Recorders do not play.
fn playout_time(object: &mut Object<'_>, identity: &Identity, at_us: i64) {
    if identity.client != Client::Recorder {
        object.true_time("estimatedPlayoutTimestamp", at_us + NTP_US - 120_000);
    }
}

fn remote_id(object: &mut Object<'_>, stream: Stream, report: &SenderReport) {
    if report.count > 0 {
        object.id("remoteId", stream.remote);
    }
}

fn remote_outbound(stats: &mut Stats<'_>, stream: Stream, report: &SenderReport) {
    if report.count == 0 {
        return;
    }
    let mut object = stats.object("remote-outbound-rtp", stream.remote, report.at_us);
    object.text("codecId", stream.codec).text("kind", stream.kind).text("mediaType", stream.kind);
    object.count("ssrc", u64::from(stream.ssrc)).text("transportId", "T01").count("bytesSent", report.bytes);
    object.count("packetsSent", report.packets).id("localId", stream.local);
    object.true_time("remoteTimestamp", report.sent_us).count("reportsSent", report.count);
    object.count("roundTripTimeMeasurements", 0).count("totalRoundTripTime", 0).end();
}
