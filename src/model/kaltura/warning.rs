//! What is odd about a beacon and yet costs it little.

/// A departure from what players are documented to send. A closed set: it is a metric label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Warning {
    /// A number that is none, or that cannot be: left out.
    FieldInvalid,
    /// Query and body say different things: the query counts.
    Conflict,
    /// A key of the query came more than once: the first counts.
    Repeated,
    /// A family of clients whose units are not known: bit rates and download times are left out.
    UnitUnknown,
    /// A number of an event that means nothing here: a sign of life only.
    UnknownEvent,
    /// An event of the older service, translated.
    OlderService,
    /// A comma as the decimal mark.
    DecimalComma,
    /// A page that is no address: left out.
    PageInvalid,
    /// A text with control characters, or too long: left out or cut.
    Text,
}

impl Warning {
    /// Every warning, in the order of declaration.
    pub const ALL: [Self; 9] = [
        Self::FieldInvalid,
        Self::Conflict,
        Self::Repeated,
        Self::UnitUnknown,
        Self::UnknownEvent,
        Self::OlderService,
        Self::DecimalComma,
        Self::PageInvalid,
        Self::Text,
    ];

    /// The name in metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::FieldInvalid => "field_invalid",
            Self::Conflict => "conflict",
            Self::Repeated => "repeated",
            Self::UnitUnknown => "unit_unknown",
            Self::UnknownEvent => "unknown_event",
            Self::OlderService => "older_service",
            Self::DecimalComma => "decimal_comma",
            Self::PageInvalid => "page_invalid",
            Self::Text => "text",
        }
    }
}
