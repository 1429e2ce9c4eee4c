//! The numbers that rtcstats puts in place of names. They are facts of the format and never given to another name; taken from
//! `rtcstats/rtcstats`, `packages/rtcstats-shared/compression.js` (MIT), version 2.6.1.

/// Members of statistics objects, ascending by number.
const MEMBERS: [(u64, &str); 169] = [
    (4, "payloadType"),
    (5, "transportId"),
    (6, "mimeType"),
    (7, "clockRate"),
    (8, "channels"),
    (9, "sdpFmtpLine"),
    (10, "ssrc"),
    (11, "kind"),
    (12, "codecId"),
    (14, "packetsReceived"),
    (15, "packetsLost"),
    (16, "jitter"),
    (17, "trackIdentifier"),
    (18, "mid"),
    (19, "remoteId"),
    (20, "framesDecoded"),
    (21, "keyFramesDecoded"),
    (22, "framesDropped"),
    (23, "frameWidth"),
    (24, "frameHeight"),
    (25, "framesPerSecond"),
    (26, "qpSum"),
    (27, "totalDecodeTime"),
    (28, "totalInterFrameDelay"),
    (29, "totalSquaredInterFrameDelay"),
    (30, "pauseCount"),
    (31, "totalPausesDuration"),
    (32, "freezeCount"),
    (33, "totalFreezesDuration"),
    (34, "lastPacketReceivedTimestamp"),
    (35, "headerBytesReceived"),
    (36, "packetsDiscarded"),
    (37, "fecPacketsReceived"),
    (38, "fecPacketsDiscarded"),
    (39, "fecBytesReceived"),
    (40, "fecSsrc"),
    (41, "bytesReceived"),
    (42, "nackCount"),
    (43, "firCount"),
    (44, "pliCount"),
    (45, "totalProcessingDelay"),
    (46, "estimatedPlayoutTimestamp"),
    (47, "jitterBufferDelay"),
    (48, "jitterBufferTargetDelay"),
    (49, "jitterBufferEmittedCount"),
    (50, "jitterBufferMinimumDelay"),
    (51, "totalSamplesReceived"),
    (52, "concealedSamples"),
    (53, "silentConcealedSamples"),
    (54, "concealmentEvents"),
    (55, "insertedSamplesForDeceleration"),
    (56, "removedSamplesForAcceleration"),
    (57, "audioLevel"),
    (58, "totalAudioEnergy"),
    (59, "totalSamplesDuration"),
    (60, "framesReceived"),
    (61, "decoderImplementation"),
    (62, "playoutId"),
    (63, "powerEfficientDecoder"),
    (64, "framesAssembledFromMultiplePackets"),
    (65, "totalAssemblyTime"),
    (66, "contentType"),
    (67, "googTimingFrameInfo"),
    (68, "retransmittedPacketsReceived"),
    (69, "retransmittedBytesReceived"),
    (70, "rtxSsrc"),
    (71, "totalCorruptionProbability"),
    (72, "totalSquaredCorruptionProbability"),
    (73, "corruptionMeasurements"),
    (74, "localId"),
    (75, "roundTripTime"),
    (76, "totalRoundTripTime"),
    (77, "fractionLost"),
    (78, "roundTripTimeMeasurements"),
    (79, "packetsSent"),
    (80, "bytesSent"),
    (81, "mediaSourceId"),
    (82, "rid"),
    (83, "encodingIndex"),
    (84, "headerBytesSent"),
    (85, "retransmittedPacketsSent"),
    (86, "retransmittedBytesSent"),
    (87, "targetBitrate"),
    (88, "totalEncodedBytesTarget"),
    (89, "framesSent"),
    (90, "hugeFramesSent"),
    (91, "framesEncoded"),
    (92, "keyFramesEncoded"),
    (93, "totalEncodeTime"),
    (94, "totalPacketSendDelay"),
    (95, "qualityLimitationReason"),
    (96, "qualityLimitationDurations"),
    (97, "qualityLimitationResolutionChanges"),
    (98, "encoderImplementation"),
    (99, "powerEfficientEncoder"),
    (100, "active"),
    (101, "scalabilityMode"),
    (102, "remoteTimestamp"),
    (103, "reportsSent"),
    (104, "echoReturnLoss"),
    (105, "echoReturnLossEnhancement"),
    (106, "width"),
    (107, "height"),
    (108, "frames"),
    (109, "synthesizedSamplesDuration"),
    (110, "synthesizedSamplesEvents"),
    (111, "totalPlayoutDelay"),
    (112, "totalSamplesCount"),
    (113, "dataChannelsOpened"),
    (114, "dataChannelsClosed"),
    (115, "label"),
    (116, "protocol"),
    (117, "dataChannelIdentifier"),
    (118, "state"),
    (119, "messagesSent"),
    (120, "messagesReceived"),
    (121, "iceRole"),
    (122, "iceLocalUsernameFragment"),
    (123, "dtlsState"),
    (124, "iceState"),
    (125, "selectedCandidatePairId"),
    (126, "localCertificateId"),
    (127, "remoteCertificateId"),
    (128, "tlsVersion"),
    (129, "dtlsCipher"),
    (130, "dtlsRole"),
    (131, "srtpCipher"),
    (132, "selectedCandidatePairChanges"),
    (133, "rtcpTransportStatsId"),
    (134, "address"),
    (135, "port"),
    (136, "candidateType"),
    (137, "priority"),
    (138, "url"),
    (139, "relayProtocol"),
    (140, "foundation"),
    (141, "relatedAddress"),
    (142, "relatedPort"),
    (143, "usernameFragment"),
    (144, "tcpType"),
    (145, "networkType"),
    (148, "localCandidateId"),
    (149, "remoteCandidateId"),
    (150, "nominated"),
    (151, "lastPacketSentTimestamp"),
    (152, "currentRoundTripTime"),
    (153, "availableOutgoingBitrate"),
    (154, "availableIncomingBitrate"),
    (155, "requestsReceived"),
    (156, "requestsSent"),
    (157, "responsesReceived"),
    (158, "responsesSent"),
    (159, "consentRequestsSent"),
    (160, "packetsDiscardedOnSend"),
    (161, "bytesDiscardedOnSend"),
    (163, "fingerprint"),
    (164, "fingerprintAlgorithm"),
    (165, "base64Certificate"),
    (166, "issuerCertificateId"),
    (167, "psnrMeasurements"),
    (168, "psnrSum"),
    (169, "packetsReceivedWithEct1"),
    (170, "packetsReceivedWithCe"),
    (171, "packetsReportedAsLost"),
    (172, "packetsReportedAsLostButRecovered"),
    (173, "packetsWithBleachedEct1Marking"),
    (174, "packetsSentWithEct1"),
    (175, "ccfbMessagesSent"),
    (176, "ccfbMessagesReceived"),
];

/// Types of statistics objects, from 1.
const TYPES: [&str; 14] = [
    "inbound-rtp",
    "outbound-rtp",
    "remote-inbound-rtp",
    "remote-outbound-rtp",
    "transport",
    "candidate-pair",
    "local-candidate",
    "remote-candidate",
    "data-channel",
    "peer-connection",
    "certificate",
    "media-source",
    "media-playout",
    "codec",
];

/// What stands for a member's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Name<'a> {
    /// This name.
    Is(&'a str),
    /// A number that is in no table.
    Unknown,
}

/// The member that a key stands for: `t`, a number, or its own name where it has no number.
pub(super) fn member(key: &str) -> Name<'_> {
    if key == "t" {
        return Name::Is("timestamp");
    }
    let Ok(number) = key.parse::<u64>() else { return Name::Is(key) };
    match MEMBERS.binary_search_by_key(&number, |(known, _)| *known) {
        Ok(at) => MEMBERS.get(at).map_or(Name::Unknown, |(_, name)| Name::Is(name)),
        Err(_) => Name::Unknown,
    }
}

/// The type that a number stands for.
pub(super) fn object_type(number: u64) -> Option<&'static str> {
    let index = usize::try_from(number.checked_sub(1)?).ok()?;
    TYPES.get(index).copied()
}

/// What a message is about, as far as quality goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Method {
    /// A report.
    Stats,
    /// A new peer connection.
    Create,
    /// The end of one.
    Close,
    /// An event with the browser's name for it.
    Event(&'static str),
    /// Who it is (Jitsi).
    Identity,
    /// Anything else.
    Unrelated,
}

/// The method with this number.
pub(super) fn method_by_number(number: u64) -> Method {
    match number {
        1 => Method::Stats,
        23 => Method::Event("signalingstatechange"),
        24 => Method::Event("iceconnectionstatechange"),
        25 => Method::Event("connectionstatechange"),
        26 => Method::Event("icegatheringstatechange"),
        36 => Method::Close,
        39 => Method::Create,
        73 => Method::Event("mute"),
        74 => Method::Event("unmute"),
        _ => Method::Unrelated,
    }
}

/// The method with this name, in either dialect.
pub(super) fn method_by_name(name: &str) -> Method {
    match name {
        "g" | "getStats" | "getstats" => Method::Stats,
        "create" => Method::Create,
        "close" => Method::Close,
        "identity" => Method::Identity,
        "onsignalingstatechange" => Method::Event("signalingstatechange"),
        "oniceconnectionstatechange" => Method::Event("iceconnectionstatechange"),
        "onconnectionstatechange" => Method::Event("connectionstatechange"),
        "onicegatheringstatechange" => Method::Event("icegatheringstatechange"),
        "MediaStreamTrack.onmute" => Method::Event("mute"),
        "MediaStreamTrack.onunmute" => Method::Event("unmute"),
        _ => Method::Unrelated,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_found_by_their_number() {
        assert!(MEMBERS.is_sorted_by_key(|(number, _)| *number));
        let samples = [
            ("14", "packetsReceived"),
            ("41", "bytesReceived"),
            ("47", "jitterBufferDelay"),
            ("176", "ccfbMessagesReceived"),
        ];
        for (key, name) in samples {
            assert_eq!(member(key), Name::Is(name));
        }
        assert_eq!(member("codecType"), Name::Is("codecType"));
        for unassigned in ["0", "13", "147", "177", "18446744073709551615"] {
            assert_eq!(member(unassigned), Name::Unknown);
        }
        assert_eq!(
            (object_type(0), object_type(1), object_type(14), object_type(15)),
            (None, Some("inbound-rtp"), Some("codec"), None)
        );
    }
}
