//! The members of statistics objects that something is computed from, each with its unit.

/// In which integer unit a number is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// As it is: packets, bytes, frames, samples, pixels, bit/s, Hz.
    Count,
    /// Seconds (also seconds times samples) as microseconds.
    Seconds,
    /// Seconds squared, and energy, as 1e-9 of it.
    Squared,
    /// A ratio, a level, or frames per second, as 1e-6 of it.
    Ratio,
    /// A moment: milliseconds as microseconds.
    Time,
    /// A truth value: 0 or 1.
    Flag,
}

impl Unit {
    /// How many of the integer unit make one of the specification's.
    pub const fn scale(self) -> f64 {
        match self {
            Self::Count | Self::Flag => 1.0,
            Self::Time => 1e3,
            Self::Seconds | Self::Ratio => 1e6,
            Self::Squared => 1e9,
        }
    }
}

macro_rules! members {
    ($($member:ident $name:literal $unit:ident;)*) => {
        /// A number. The order is that of carries: add at the end.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum Member {
            $(#[doc = concat!("`", $name, "`")] $member,)*
        }

        impl Member {
            /// All of them, in order.
            pub const ALL: &[Self] = &[$(Self::$member,)*];

            /// Its name in the specification; of a record's entry, the record's name and the key with a dot between them.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$member => $name,)* }
            }

            /// Its unit.
            pub const fn unit(self) -> Unit {
                match self { $(Self::$member => Unit::$unit,)* }
            }

            /// The number with this name.
            pub fn named(name: &str) -> Option<Self> {
                Some(match name { $($name => Self::$member,)* _ => return None })
            }
        }
    };
}

macro_rules! texts {
    ($($member:ident $name:literal;)*) => {
        /// A text.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum Text {
            $(#[doc = concat!("`", $name, "`")] $member,)*
        }

        impl Text {
            /// All of them, in order.
            pub const ALL: &[Self] = &[$(Self::$member,)*];

            /// Its name in the specification.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$member => $name,)* }
            }

            /// The text with this name.
            pub fn named(name: &str) -> Option<Self> {
                Some(match name { $($name => Self::$member,)* _ => return None })
            }
        }
    };
}

members! {
    PacketsReceived "packetsReceived" Count;
    PacketsSent "packetsSent" Count;
    PacketsLost "packetsLost" Count;
    BytesReceived "bytesReceived" Count;
    BytesSent "bytesSent" Count;
    HeaderBytesReceived "headerBytesReceived" Count;
    HeaderBytesSent "headerBytesSent" Count;
    RetransmittedPacketsReceived "retransmittedPacketsReceived" Count;
    RetransmittedBytesReceived "retransmittedBytesReceived" Count;
    RetransmittedPacketsSent "retransmittedPacketsSent" Count;
    RetransmittedBytesSent "retransmittedBytesSent" Count;
    FecPacketsReceived "fecPacketsReceived" Count;
    FecPacketsDiscarded "fecPacketsDiscarded" Count;
    PacketsDiscarded "packetsDiscarded" Count;
    Jitter "jitter" Seconds;
    NackCount "nackCount" Count;
    PliCount "pliCount" Count;
    FirCount "firCount" Count;
    JitterBufferDelay "jitterBufferDelay" Seconds;
    JitterBufferTargetDelay "jitterBufferTargetDelay" Seconds;
    JitterBufferMinimumDelay "jitterBufferMinimumDelay" Seconds;
    JitterBufferEmittedCount "jitterBufferEmittedCount" Count;
    TotalProcessingDelay "totalProcessingDelay" Seconds;
    FramesReceived "framesReceived" Count;
    FramesDecoded "framesDecoded" Count;
    KeyFramesDecoded "keyFramesDecoded" Count;
    FramesDropped "framesDropped" Count;
    FramesEncoded "framesEncoded" Count;
    KeyFramesEncoded "keyFramesEncoded" Count;
    FramesSent "framesSent" Count;
    HugeFramesSent "hugeFramesSent" Count;
    Frames "frames" Count;
    FrameWidth "frameWidth" Count;
    FrameHeight "frameHeight" Count;
    Width "width" Count;
    Height "height" Count;
    FramesPerSecond "framesPerSecond" Ratio;
    QpSum "qpSum" Count;
    TotalDecodeTime "totalDecodeTime" Seconds;
    TotalEncodeTime "totalEncodeTime" Seconds;
    TotalPacketSendDelay "totalPacketSendDelay" Seconds;
    TotalEncodedBytesTarget "totalEncodedBytesTarget" Count;
    TargetBitrate "targetBitrate" Count;
    TotalInterFrameDelay "totalInterFrameDelay" Seconds;
    TotalSquaredInterFrameDelay "totalSquaredInterFrameDelay" Squared;
    FreezeCount "freezeCount" Count;
    TotalFreezesDuration "totalFreezesDuration" Seconds;
    PauseCount "pauseCount" Count;
    TotalPausesDuration "totalPausesDuration" Seconds;
    TotalSamplesReceived "totalSamplesReceived" Count;
    ConcealedSamples "concealedSamples" Count;
    SilentConcealedSamples "silentConcealedSamples" Count;
    ConcealmentEvents "concealmentEvents" Count;
    InsertedSamplesForDeceleration "insertedSamplesForDeceleration" Count;
    RemovedSamplesForAcceleration "removedSamplesForAcceleration" Count;
    AudioLevel "audioLevel" Ratio;
    TotalAudioEnergy "totalAudioEnergy" Squared;
    TotalSamplesDuration "totalSamplesDuration" Seconds;
    EstimatedPlayoutTimestamp "estimatedPlayoutTimestamp" Time;
    LastPacketReceivedTimestamp "lastPacketReceivedTimestamp" Time;
    LastPacketSentTimestamp "lastPacketSentTimestamp" Time;
    Active "active" Flag;
    QualityLimitationNone "qualityLimitationDurations.none" Seconds;
    QualityLimitationCpu "qualityLimitationDurations.cpu" Seconds;
    QualityLimitationBandwidth "qualityLimitationDurations.bandwidth" Seconds;
    QualityLimitationOther "qualityLimitationDurations.other" Seconds;
    QualityLimitationResolutionChanges "qualityLimitationResolutionChanges" Count;
    FractionLost "fractionLost" Ratio;
    RoundTripTime "roundTripTime" Seconds;
    TotalRoundTripTime "totalRoundTripTime" Seconds;
    RoundTripTimeMeasurements "roundTripTimeMeasurements" Count;
    ReportsSent "reportsSent" Count;
    Nominated "nominated" Flag;
    Selected "selected" Flag;
    CurrentRoundTripTime "currentRoundTripTime" Seconds;
    AvailableOutgoingBitrate "availableOutgoingBitrate" Count;
    AvailableIncomingBitrate "availableIncomingBitrate" Count;
    ResponsesReceived "responsesReceived" Count;
    SelectedCandidatePairChanges "selectedCandidatePairChanges" Count;
    SynthesizedSamplesDuration "synthesizedSamplesDuration" Seconds;
    SynthesizedSamplesEvents "synthesizedSamplesEvents" Count;
    TotalPlayoutDelay "totalPlayoutDelay" Seconds;
    TotalSamplesCount "totalSamplesCount" Count;
    ClockRate "clockRate" Count;
    PayloadType "payloadType" Count;
    Channels "channels" Count;
    MessagesSent "messagesSent" Count;
    MessagesReceived "messagesReceived" Count;
    DataChannelsOpened "dataChannelsOpened" Count;
    DataChannelsClosed "dataChannelsClosed" Count;
    Ssrc "ssrc" Count;
}

texts! {
    Kind "kind";
    Mid "mid";
    Rid "rid";
    TrackIdentifier "trackIdentifier";
    TransportId "transportId";
    CodecId "codecId";
    RemoteId "remoteId";
    LocalId "localId";
    MediaSourceId "mediaSourceId";
    PlayoutId "playoutId";
    MimeType "mimeType";
    SdpFmtpLine "sdpFmtpLine";
    State "state";
    CandidateType "candidateType";
    Protocol "protocol";
    RelayProtocol "relayProtocol";
    LocalCandidateId "localCandidateId";
    RemoteCandidateId "remoteCandidateId";
    SelectedCandidatePairId "selectedCandidatePairId";
    QualityLimitationReason "qualityLimitationReason";
    IceState "iceState";
    DtlsState "dtlsState";
    ScalabilityMode "scalabilityMode";
}
