//! What is measured of a session in a window: every measurement declared once, with its field name, its definition, and where it comes from.
//!
//! Of the statistics objects that describe a stream, a measurement is one of three:
//! - a *delta*: how much a counter grew;
//! - a *ratio*: how much a counter grew, and beside it how much another grew while both were there, so that readers can divide;
//! - a *gauge*: the sum, the number and the largest of the values that a member had, once for each time it was sampled.
//!
//! All others come from code: what it says beside each of them is all that there is to know.

use super::layout::Class;
use crate::model::webrtc::Member;
use crate::model::{Field, FieldKind};

/// How much a counter grew.
#[derive(Clone, Copy, Debug)]
pub(super) struct Delta {
    pub(super) member: Member,
    pub(super) sum: Measure,
}

/// How much a counter grew, and how much the one that it is divided by.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ratio {
    pub(super) member: Member,
    pub(super) over: Member,
    pub(super) sum: Measure,
    pub(super) count: Measure,
}

/// The values of a member.
#[derive(Clone, Copy, Debug)]
pub(super) struct Gauge {
    pub(super) member: Member,
    pub(super) sum: Measure,
    pub(super) count: Measure,
    pub(super) max: Measure,
}

/// What is measured of one class of objects by its members alone.
#[derive(Clone, Copy, Debug)]
pub(super) struct Declared {
    pub(super) deltas: &'static [Delta],
    pub(super) ratios: &'static [Ratio],
    pub(super) gauges: &'static [Gauge],
}

const fn integer(name: &'static str, help: &'static str) -> Field {
    Field { name, kind: FieldKind::Integer, help }
}

macro_rules! measures {
    (
        computed { $($other:ident $oname:literal $ohelp:literal;)* }
        $($class:ident {
            deltas { $($dmember:ident => $dsum:ident $dname:literal $dhelp:literal;)* }
            ratios { $($rmember:ident / $rover:ident => $rsum:ident $rname:literal $rhelp:literal, $rcount:ident $cname:literal $chelp:literal;)* }
            gauges { $($gmember:ident => $gsum:ident $gname:literal, $gcount:ident $gcname:literal, $gmax:ident $gmname:literal $ghelp:literal;)* }
        })*
    ) => {
        /// A measurement. The order is that of rows, partials and carries.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        #[repr(u8)]
        pub(crate) enum Measure {
            $($other,)*
            $($($dsum,)* $($rsum, $rcount,)* $($gsum, $gcount, $gmax,)*)*
        }

        impl Measure {
            /// All of them, in order.
            pub(super) const ALL: &[Self] = &[
                $(Self::$other,)*
                $($(Self::$dsum,)* $(Self::$rsum, Self::$rcount,)* $(Self::$gsum, Self::$gcount, Self::$gmax,)*)*
            ];
        }

        /// The fields of the measurements, in their order.
        pub(super) const FIELDS: [Field; MEASURES] = [
            $(integer($oname, $ohelp),)*
            $(
                $(integer($dname, $dhelp),)*
                $(integer($rname, $rhelp), integer($cname, $chelp),)*
                $(
                    integer($gname, concat!("Sum of ", $ghelp, ", once for each time it was sampled.")),
                    integer($gcname, concat!("How many values of ", $ghelp, " there were.")),
                    integer($gmname, concat!("The largest value of ", $ghelp, ".")),
                )*
            )*
        ];

        /// What is measured of a class of objects by its members alone.
        pub(super) const fn declared(class: Class) -> Declared {
            match class {
                $(Class::$class => Declared {
                    deltas: &[$(Delta { member: Member::$dmember, sum: Measure::$dsum },)*],
                    ratios: &[$(Ratio {
                        member: Member::$rmember, over: Member::$rover, sum: Measure::$rsum, count: Measure::$rcount,
                    },)*],
                    gauges: &[$(Gauge {
                        member: Member::$gmember, sum: Measure::$gsum, count: Measure::$gcount, max: Measure::$gmax,
                    },)*],
                },)*
                _ => Declared { deltas: &[], ratios: &[], gauges: &[] },
            }
        }
    };
}

/// How many there are.
pub(crate) const MEASURES: usize = Measure::ALL.len();

measures! {
    computed {
        Records "records_count" "Reports of this session that count: each once.";
        RecordsLate "records_late_count" "Reports whose window was final already; counted in the window of their append time.";
        RecordsClamped "records_clamped_count" "Reports whose time was moved to the bound that the receive time gives.";
        MembersRejected "members_rejected_count" "Members of reports that were left out because their value is wrong.";
        ObjectsUnknown "objects_unknown_count" "Statistics objects of no known type.";
        Duplicates "duplicates_count" "Reports that came again with the same content; nothing else of them counts.";
        CounterResets "counter_resets_count" "Statistics objects whose counters fell, or whose SSRC changed: what they counted began anew.";
        Reconnects "reconnects_count" "Peer connections that began anew under the same name.";
        GapMs "gap_ms" "Time between reports of a connection that are more than three intervals apart, ms. What grew meanwhile counts in `session` only.";
        Bytes "bytes" "Payload bytes of audio and video, received and sent: the sum of the four.";
        PlayMs "play_ms" "Time in which video was received and not frozen, ms: covered time less freezes, each stream by itself.";
        StallMs "stall_ms" "Time frozen, ms: video_in_freeze_us.";
        Stalls "stall_count" "Freezes: video_in_freezes_count.";
        AudioInCoveredUs "audio_in_covered_us" "Time between the samples that the sums come from, microseconds, all streams of audio received. Bitrate = 8,000,000 * bytes / this, for each stream on average.";
        VideoInCoveredUs "video_in_covered_us" "The same for video received.";
        AudioOutCoveredUs "audio_out_covered_us" "The same for audio sent.";
        VideoOutCoveredUs "video_out_covered_us" "The same for video sent: each layer that was sent is a stream.";
        VideoSourceCoveredUs "video_source_covered_us" "The same for video captured.";
        AudioInDryUs "audio_in_dry_us" "Of the covered time, that between samples without a byte more.";
        VideoInDryUs "video_in_dry_us" "The same for video.";
        VideoInStuckUs "video_in_stuck_us" "Of the covered time, that between samples with bytes and without a frame more.";
        VideoInPixels "video_in_pixels_sum" "Pixels of all frames decoded (width * height * frames). Bits per pixel = 8 * video_in_sized_bytes / this.";
        VideoInSizedBytes "video_in_sized_bytes" "Payload bytes of video whose frame size is known.";
        VideoOutPixels "video_out_pixels_sum" "Pixels of all frames encoded.";
        VideoOutSizedBytes "video_out_sized_bytes" "Payload bytes of video sent whose frame size is known.";
        VideoInQpVp8 "video_in_qp_vp8_sum" "Quantiser of the frames decoded as VP8 (0 to 127), summed. Codecs are never mixed: their scales differ.";
        VideoInQpVp8Count "video_in_qp_vp8_count" "Frames that it counts.";
        VideoInQpVp9 "video_in_qp_vp9_sum" "The same for VP9.";
        VideoInQpVp9Count "video_in_qp_vp9_count" "Frames that it counts.";
        VideoInQpH264 "video_in_qp_h264_sum" "The same for H.264 (0 to 51).";
        VideoInQpH264Count "video_in_qp_h264_count" "Frames that it counts.";
        VideoInQpAv1 "video_in_qp_av1_sum" "The same for AV1 (0 to 255).";
        VideoInQpAv1Count "video_in_qp_av1_count" "Frames that it counts.";
        VideoOutQpVp8 "video_out_qp_vp8_sum" "Quantiser of the frames encoded as VP8, summed.";
        VideoOutQpVp8Count "video_out_qp_vp8_count" "Frames that it counts.";
        VideoOutQpVp9 "video_out_qp_vp9_sum" "The same for VP9.";
        VideoOutQpVp9Count "video_out_qp_vp9_count" "Frames that it counts.";
        VideoOutQpH264 "video_out_qp_h264_sum" "The same for H.264.";
        VideoOutQpH264Count "video_out_qp_h264_count" "Frames that it counts.";
        VideoOutQpAv1 "video_out_qp_av1_sum" "The same for AV1.";
        VideoOutQpAv1Count "video_out_qp_av1_count" "Frames that it counts.";
        AudioOutRemoteLost "audio_out_remote_lost_count" "Packets of audio sent that the far end reports as lost (RTCP receiver reports; each counts once).";
        AudioOutRemotePackets "audio_out_remote_packets_count" "Packets of audio that these reports speak of: received and lost, or else sent between them. Loss = lost / this.";
        VideoOutRemoteLost "video_out_remote_lost_count" "The same for video: lost.";
        VideoOutRemotePackets "video_out_remote_packets_count" "The same for video: all.";
        AudioOutFractionLost "audio_out_fraction_lost_ppm_sum" "The fraction lost of the last RTCP interval as the far end gives it, 1e-6, for reports of which nothing better is known.";
        AudioOutFractionLostCount "audio_out_fraction_lost_count" "How many there were.";
        VideoOutFractionLost "video_out_fraction_lost_ppm_sum" "The same for video.";
        VideoOutFractionLostCount "video_out_fraction_lost_count" "How many there were.";
        AudioOutRemoteJitter "audio_out_remote_jitter_us_sum" "The jitter of audio that the far end reports, microseconds, summed.";
        AudioOutRemoteJitterCount "audio_out_remote_jitter_count" "How many there were.";
        VideoOutRemoteJitter "video_out_remote_jitter_us_sum" "The same for video.";
        VideoOutRemoteJitterCount "video_out_remote_jitter_count" "How many there were.";
        Rtt "rtt_us_sum" "Round trip times by RTCP, microseconds, summed.";
        RttCount "rtt_count" "How many there were.";
        RttMax "rtt_us_max" "The largest mean of them between two samples, microseconds.";
        IceRtt "ice_rtt_us_sum" "Round trip times by ICE checks on the path in use, microseconds, summed. Never to be averaged with those by RTCP: behind an SFU the paths differ.";
        IceRttCount "ice_rtt_count" "How many there were. While no path is known to be in use, the last value counts on for 15 s, once for each report.";
        IceRttMax "ice_rtt_us_max" "The largest mean of them between two samples, microseconds.";
        AvailableOut "available_out_bps_sum" "The bitrate that the path in use is estimated to carry, bit/s, sent, summed.";
        AvailableOutCount "available_out_count" "How many estimates there were.";
        AvailableOutMin "available_out_bps_min" "The smallest of them.";
        AvailableIn "available_in_bps_sum" "The same, received.";
        AvailableInCount "available_in_count" "How many estimates there were.";
        AvailableInMin "available_in_bps_min" "The smallest of them.";
        Disconnects "ice_disconnects_count" "Times that ICE lost its path (`disconnected`).";
        Failures "ice_failures_count" "Times that ICE or the connection gave up (`failed`).";
        Gathering "ice_gathering_ms_sum" "Times from the start of gathering candidates to its end, ms, summed.";
        GatheringCount "ice_gathering_count" "How many there were.";
        Connecting "ice_connection_ms_sum" "Times from the first ICE check to a working path, ms, summed.";
        ConnectingCount "ice_connection_count" "How many there were.";
        Handshake "dtls_ms_sum" "Times from a working path to a connected connection, ms, summed: mostly DTLS.";
        HandshakeCount "dtls_count" "How many there were.";
        Startup "startup_ms_sum" "Times from the last offer to the first sample with a decoded frame of video, ms, summed: as fine as reports are frequent.";
        StartupCount "startup_ms_count" "How many there were, one for each peer connection at most.";
        AudioInScore "audio_in_score_milli" "Score of the worst audio received, MOS * 1000 (1000 to 4500): reduced G.107, fed by audible concealment.";
        AudioInScoreCount "audio_in_score_count" "1 = there is a score; 0 = muted, discontinuous or dry: any would be a guess.";
        VideoInScore "video_in_score_milli" "Score of the worst video received, MOS * 1000: the smaller of fidelity (bits per pixel) and fluidity (freezes, harmonic frame rate), less a penalty for delay.";
        VideoInScoreCount "video_in_score_count" "1 = there is a score.";
        ConnectionInScore "connection_in_score_milli" "Score of the way to the client by delay, jitter and loss, MOS * 1000.";
        ConnectionInScoreCount "connection_in_score_count" "1 = there is a score.";
        AudioOutScore "audio_out_score_milli" "Score of the worst audio sent, MOS * 1000, by the loss that the far end reports.";
        AudioOutScoreCount "audio_out_score_count" "1 = there is a score.";
        VideoOutScore "video_out_score_milli" "Score of the best layer of video sent, MOS * 1000: bits per pixel and frame rate against the captured one.";
        VideoOutScoreCount "video_out_score_count" "1 = there is a score.";
        ConnectionOutScore "connection_out_score_milli" "Score of the way from the client by what the far end reports, MOS * 1000.";
        ConnectionOutScoreCount "connection_out_score_count" "1 = there is a score.";
        ScoredWindows "scored_windows_count" "Windows of sessions with a score of any stream.";
        BadWindows "bad_windows_count" "Of these, those whose worst stream scores below `scores.bad_below` of the topology (3.1). Share of bad minutes = this / scored_windows_count, exact in rows of a minute.";
    }
    AudioIn {
        deltas {
            BytesReceived => AudioInBytes "audio_in_bytes" "Payload bytes of audio received.";
            HeaderBytesReceived => AudioInHeaderBytes "audio_in_header_bytes" "Header bytes of audio received.";
            PacketsReceived => AudioInPackets "audio_in_packets_count" "Packets of audio received.";
            PacketsLost => AudioInLost "audio_in_packets_lost_count" "Packets of audio that did not arrive, growth only. Loss = lost / (lost + packets).";
            PacketsDiscarded => AudioInDiscarded "audio_in_packets_discarded_count" "Packets of audio that came too late or too early to be played.";
            RetransmittedPacketsReceived => AudioInRetransmitted "audio_in_packets_retransmitted_count" "Packets of audio received again.";
            RetransmittedBytesReceived => AudioInRetransmittedBytes "audio_in_retransmitted_bytes" "Payload bytes of these.";
            FecPacketsReceived => AudioInFec "audio_in_packets_fec_count" "Packets of forward error correction received for audio.";
            NackCount => AudioInNacks "audio_in_nacks_count" "Requests to send audio again.";
            ConcealmentEvents => AudioInConcealments "audio_in_concealments_count" "Times that concealment began. Mean burst = concealed samples / clock rate / concealments.";
            InsertedSamplesForDeceleration => AudioInInserted "audio_in_inserted_samples_count" "Samples inserted to slow the playout down.";
            RemovedSamplesForAcceleration => AudioInRemoved "audio_in_removed_samples_count" "Samples removed to speed it up. Time stretch = (inserted + removed) / samples.";
        }
        ratios {
            ConcealedSamples / TotalSamplesReceived => AudioInConcealed "audio_in_concealed_samples_count" "Samples that were made up, audible or not.", AudioInSamples "audio_in_samples_count" "Samples played, concealed ones included.";
            SilentConcealedSamples / ConcealedSamples => AudioInSilent "audio_in_silent_concealed_samples_count" "Of the concealed samples, those that were silence. Audible concealment = (concealed - silent) / samples.", AudioInSilentKnown "audio_in_silent_known_samples_count" "Concealed samples of which it is known.";
            JitterBufferDelay / JitterBufferEmittedCount => AudioInBuffer "audio_in_jitter_buffer_us_sum" "Time that samples spent in the jitter buffer, microseconds times samples.", AudioInBufferCount "audio_in_jitter_buffer_count" "Samples that left it.";
            JitterBufferTargetDelay / JitterBufferEmittedCount => AudioInTarget "audio_in_jitter_buffer_target_us_sum" "The same for the delay that the buffer aims at.", AudioInTargetCount "audio_in_jitter_buffer_target_count" "Samples that it counts.";
            JitterBufferMinimumDelay / JitterBufferEmittedCount => AudioInMinimum "audio_in_jitter_buffer_minimum_us_sum" "The same for the smallest delay that the network alone would need.", AudioInMinimumCount "audio_in_jitter_buffer_minimum_count" "Samples that it counts.";
            TotalProcessingDelay / JitterBufferEmittedCount => AudioInProcessing "audio_in_processing_us_sum" "Time from the first packet to the decoded sample, microseconds times samples.", AudioInProcessingCount "audio_in_processing_count" "Samples that it counts.";
            TotalAudioEnergy / TotalSamplesDuration => AudioInEnergy "audio_in_energy_nanos_sum" "Energy of the audio played, 1e-9. Level (RMS) = square root of energy / (1000 * duration).", AudioInEnergyUs "audio_in_energy_us_count" "Duration of the audio that it comes from, microseconds.";
        }
        gauges {
            Jitter => AudioInJitter "audio_in_jitter_us_sum", AudioInJitterCount "audio_in_jitter_count", AudioInJitterMax "audio_in_jitter_us_max" "the jitter of audio received (RFC 3550), microseconds";
        }
    }
    VideoIn {
        deltas {
            BytesReceived => VideoInBytes "video_in_bytes" "Payload bytes of video received.";
            HeaderBytesReceived => VideoInHeaderBytes "video_in_header_bytes" "Header bytes of video received.";
            PacketsReceived => VideoInPackets "video_in_packets_count" "Packets of video received.";
            PacketsLost => VideoInLost "video_in_packets_lost_count" "Packets of video that did not arrive, growth only. Loss = lost / (lost + packets).";
            PacketsDiscarded => VideoInDiscarded "video_in_packets_discarded_count" "Packets of video that came too late or too early to be used.";
            RetransmittedPacketsReceived => VideoInRetransmitted "video_in_packets_retransmitted_count" "Packets of video received again.";
            RetransmittedBytesReceived => VideoInRetransmittedBytes "video_in_retransmitted_bytes" "Payload bytes of these.";
            FecPacketsReceived => VideoInFec "video_in_packets_fec_count" "Packets of forward error correction received for video.";
            NackCount => VideoInNacks "video_in_nacks_count" "Requests to send video packets again.";
            PliCount => VideoInPlis "video_in_plis_count" "Requests for a key frame after a loss (PLI).";
            FirCount => VideoInFirs "video_in_firs_count" "Requests for a key frame for a newcomer (FIR).";
            FramesReceived => VideoInFramesReceived "video_in_frames_received_count" "Frames received whole.";
            FramesDecoded => VideoInFrames "video_in_frames_decoded_count" "Frames decoded. Frame rate = frames / covered time.";
            KeyFramesDecoded => VideoInKeyFrames "video_in_key_frames_count" "Of these, key frames.";
            FramesDropped => VideoInDropped "video_in_frames_dropped_count" "Frames received and not shown.";
            FreezeCount => VideoInFreezes "video_in_freezes_count" "Freezes: a frame stood for at least max(3 * average, average + 150 ms). One that spans a boundary counts in the window in which it began.";
            TotalFreezesDuration => VideoInFreezeUs "video_in_freeze_us" "Time frozen, microseconds. A browser books it when the next frame is shown; of what is booked over a boundary, as much lies after it as there was time. It can exceed the covered time of a window: read the ratio as at most 1.";
            PauseCount => VideoInPauses "video_in_pauses_count" "Times that no frame was shown for more than 5 s.";
            TotalPausesDuration => VideoInPauseUs "video_in_pause_us" "Time of these, microseconds, over boundaries like freezes.";
        }
        ratios {
            JitterBufferDelay / JitterBufferEmittedCount => VideoInBuffer "video_in_jitter_buffer_us_sum" "Time that frames spent in the jitter buffer, microseconds.", VideoInBufferCount "video_in_jitter_buffer_count" "Frames that left it.";
            JitterBufferTargetDelay / JitterBufferEmittedCount => VideoInTarget "video_in_jitter_buffer_target_us_sum" "The same for the delay that the buffer aims at.", VideoInTargetCount "video_in_jitter_buffer_target_count" "Frames that it counts.";
            JitterBufferMinimumDelay / JitterBufferEmittedCount => VideoInMinimum "video_in_jitter_buffer_minimum_us_sum" "The same for the smallest delay that the network alone would need.", VideoInMinimumCount "video_in_jitter_buffer_minimum_count" "Frames that it counts.";
            TotalProcessingDelay / FramesDecoded => VideoInProcessing "video_in_processing_us_sum" "Time from a frame's first packet to its decoding, microseconds.", VideoInProcessingCount "video_in_processing_count" "Frames that it counts.";
            TotalDecodeTime / FramesDecoded => VideoInDecode "video_in_decode_us_sum" "Time spent decoding, microseconds.", VideoInDecodeCount "video_in_decode_count" "Frames that it counts.";
            TotalInterFrameDelay / FramesDecoded => VideoInInterFrame "video_in_inter_frame_us_sum" "Times between frames shown, microseconds. Harmonic frame rate = 1000 * this / video_in_inter_frame_squared_nanos_sum.", VideoInInterFrameCount "video_in_inter_frame_count" "Frames that it counts.";
            TotalSquaredInterFrameDelay / FramesDecoded => VideoInInterFrameSquared "video_in_inter_frame_squared_nanos_sum" "Squares of the times between frames, 1e-9 s². Standard deviation = square root of (this - sum² / (1000 * n)) / n, with the sum in microseconds.", VideoInInterFrameSquaredCount "video_in_inter_frame_squared_count" "Frames that it counts.";
        }
        gauges {
            Jitter => VideoInJitter "video_in_jitter_us_sum", VideoInJitterCount "video_in_jitter_count", VideoInJitterMax "video_in_jitter_us_max" "the jitter of video received (RFC 3550), microseconds";
            FrameHeight => VideoInHeight "video_in_frame_height_sum", VideoInHeightCount "video_in_frame_height_count", VideoInHeightMax "video_in_frame_height_max" "the height of the frames received, pixels";
        }
    }
    AudioOut {
        deltas {
            BytesSent => AudioOutBytes "audio_out_bytes" "Payload bytes of audio sent.";
            HeaderBytesSent => AudioOutHeaderBytes "audio_out_header_bytes" "Header bytes of audio sent.";
            PacketsSent => AudioOutPackets "audio_out_packets_count" "Packets of audio sent, again or for the first time.";
            RetransmittedPacketsSent => AudioOutRetransmitted "audio_out_packets_retransmitted_count" "Packets of audio sent again.";
            RetransmittedBytesSent => AudioOutRetransmittedBytes "audio_out_retransmitted_bytes" "Payload bytes of these.";
            NackCount => AudioOutNacks "audio_out_nacks_count" "Requests received to send audio again.";
        }
        ratios {
            TotalPacketSendDelay / PacketsSent => AudioOutSendDelay "audio_out_send_delay_us_sum" "Time that packets of audio waited to be sent, microseconds.", AudioOutSendDelayCount "audio_out_send_delay_count" "Packets that it counts.";
        }
        gauges {}
    }
    VideoOut {
        deltas {
            BytesSent => VideoOutBytes "video_out_bytes" "Payload bytes of video sent, all layers.";
            HeaderBytesSent => VideoOutHeaderBytes "video_out_header_bytes" "Header bytes of video sent.";
            PacketsSent => VideoOutPackets "video_out_packets_count" "Packets of video sent, again or for the first time.";
            RetransmittedPacketsSent => VideoOutRetransmitted "video_out_packets_retransmitted_count" "Packets of video sent again.";
            RetransmittedBytesSent => VideoOutRetransmittedBytes "video_out_retransmitted_bytes" "Payload bytes of these.";
            NackCount => VideoOutNacks "video_out_nacks_count" "Requests received to send video packets again.";
            PliCount => VideoOutPlis "video_out_plis_count" "Requests received for a key frame after a loss (PLI).";
            FirCount => VideoOutFirs "video_out_firs_count" "Requests received for a key frame for a newcomer (FIR).";
            FramesEncoded => VideoOutFrames "video_out_frames_encoded_count" "Frames encoded, all layers.";
            KeyFramesEncoded => VideoOutKeyFrames "video_out_key_frames_count" "Of these, key frames.";
            FramesSent => VideoOutFramesSent "video_out_frames_sent_count" "Frames sent, all layers.";
            HugeFramesSent => VideoOutHugeFrames "video_out_huge_frames_count" "Of these, those of at least 2.5 times the average size.";
            TotalEncodedBytesTarget => VideoOutTargetBytes "video_out_target_bytes" "Bytes that the encoder aimed at.";
            QualityLimitationNone => VideoOutUnlimitedUs "video_out_limited_none_us" "Time in which nothing limited the quality, microseconds, all layers.";
            QualityLimitationCpu => VideoOutCpuUs "video_out_limited_cpu_us" "Time in which the CPU limited it.";
            QualityLimitationBandwidth => VideoOutBandwidthUs "video_out_limited_bandwidth_us" "Time in which the bandwidth limited it.";
            QualityLimitationOther => VideoOutOtherUs "video_out_limited_other_us" "Time in which something else limited it.";
            QualityLimitationResolutionChanges => VideoOutResolutionChanges "video_out_resolution_changes_count" "Changes of the resolution because of such limits, up and down.";
        }
        ratios {
            TotalPacketSendDelay / PacketsSent => VideoOutSendDelay "video_out_send_delay_us_sum" "Time that packets of video waited to be sent, microseconds.", VideoOutSendDelayCount "video_out_send_delay_count" "Packets that it counts.";
            TotalEncodeTime / FramesEncoded => VideoOutEncode "video_out_encode_us_sum" "Time spent encoding, microseconds.", VideoOutEncodeCount "video_out_encode_count" "Frames that it counts.";
        }
        gauges {
            TargetBitrate => VideoOutTarget "video_out_target_bps_sum", VideoOutTargetCount "video_out_target_count", VideoOutTargetMax "video_out_target_bps_max" "the bitrate that the encoder aims at, each layer by itself, bit/s";
            FrameHeight => VideoOutHeight "video_out_frame_height_sum", VideoOutHeightCount "video_out_frame_height_count", VideoOutHeightMax "video_out_frame_height_max" "the height of the frames sent, each layer by itself, pixels";
        }
    }
    AudioSource {
        deltas {}
        ratios {
            TotalAudioEnergy / TotalSamplesDuration => AudioSourceEnergy "audio_source_energy_nanos_sum" "Energy of the audio captured, 1e-9. Level (RMS) = square root of energy / (1000 * duration).", AudioSourceUs "audio_source_us_count" "Duration of the audio that it comes from, microseconds.";
        }
        gauges {}
    }
    VideoSource {
        deltas {
            Frames => VideoSourceFrames "video_source_frames_count" "Frames captured.";
        }
        ratios {}
        gauges {}
    }
    Playout {
        deltas {
            SynthesizedSamplesDuration => PlayoutSynthesizedUs "playout_synthesized_us" "Duration of audio that the playout device made up because none came in time, microseconds.";
            SynthesizedSamplesEvents => PlayoutSynthesized "playout_synthesized_count" "Times that this began.";
            TotalSamplesDuration => PlayoutUs "playout_us" "Duration of all audio played, microseconds.";
        }
        ratios {
            TotalPlayoutDelay / TotalSamplesCount => PlayoutDelay "playout_delay_us_sum" "Delay of the playout device, microseconds times samples.", PlayoutDelayCount "playout_delay_count" "Samples that it counts.";
        }
        gauges {}
    }
    Transport {
        deltas {
            SelectedCandidatePairChanges => PathChanges "path_changes_count" "Changes of the candidate pair in use.";
        }
        ratios {}
        gauges {}
    }
}

/// How a measurement is put together with another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fold {
    Sum,
    Max,
    /// The smallest; it means nothing while this count is 0.
    Min(Measure),
}

impl Measure {
    /// How it is put together with that of another window or session.
    pub(super) const fn fold(self) -> Fold {
        match self {
            Self::AudioInJitterMax
            | Self::VideoInJitterMax
            | Self::VideoInHeightMax
            | Self::VideoOutTargetMax
            | Self::VideoOutHeightMax
            | Self::RttMax
            | Self::IceRttMax => Fold::Max,
            Self::AvailableOutMin => Fold::Min(Self::AvailableOutCount),
            Self::AvailableInMin => Fold::Min(Self::AvailableInCount),
            _ => Fold::Sum,
        }
    }
}
