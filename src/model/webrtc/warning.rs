//! What is odd about a report and yet costs it little.

/// A departure from the specification. A closed set: it is a metric label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Warning {
    /// A number that no counter or gauge can have: left out.
    NumberOutOfRange,
    /// `NaN` or `Infinity` without quotes, which JSON does not have: left out.
    BareNan,
    /// A name, or an object, of an earlier draft or of one browser: read as what it is called now.
    LegacyName,
    /// An object without a type: told by its members.
    TypeInferred,
    /// A stream without a kind of media: told by its members or its codec.
    KindInferred,
    /// An object of no known type, or without an id: left out.
    UnknownObject,
    /// A text that is too long: cut, with its hash at the end.
    TooLong,
    /// Characters that do not belong in a text: removed or replaced.
    Characters,
    /// Times of two clocks in one report: those that do not count from the Unix epoch are left out.
    MixedClocks,
}

impl Warning {
    /// Every warning, in the order of declaration.
    pub const ALL: [Self; 9] = [
        Self::NumberOutOfRange,
        Self::BareNan,
        Self::LegacyName,
        Self::TypeInferred,
        Self::KindInferred,
        Self::UnknownObject,
        Self::TooLong,
        Self::Characters,
        Self::MixedClocks,
    ];

    /// The name in metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NumberOutOfRange => "number_out_of_range",
            Self::BareNan => "bare_nan",
            Self::LegacyName => "legacy_name",
            Self::TypeInferred => "type_inferred",
            Self::KindInferred => "kind_inferred",
            Self::UnknownObject => "unknown_object",
            Self::TooLong => "too_long",
            Self::Characters => "characters",
            Self::MixedClocks => "mixed_clocks",
        }
    }
}
