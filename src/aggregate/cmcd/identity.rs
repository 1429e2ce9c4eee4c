//! Session ids as a window keeps them: inline up to the length of a UUID, so that finding a known session touches no other memory.

/// Ids up to this length (a UUID has 36 characters) lie inline.
const INLINE: usize = 38;

/// The text of a session id.
#[derive(Clone, Debug)]
pub(super) enum Identity {
    Inline { length: u8, bytes: [u8; INLINE] },
    Boxed(Box<str>),
}

impl Identity {
    pub(super) fn new(text: &str) -> Self {
        let mut bytes = [0; INLINE];
        match (bytes.get_mut(..text.len()), u8::try_from(text.len())) {
            (Some(place), Ok(length)) => {
                place.copy_from_slice(text.as_bytes());
                Self::Inline { length, bytes }
            }
            _ => Self::Boxed(text.into()),
        }
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Inline { length, bytes } => bytes.get(..usize::from(*length)).unwrap_or_default(),
            Self::Boxed(text) => text.as_bytes(),
        }
    }

    pub(super) fn as_str(&self) -> &str {
        // The bytes came from text, so nothing is ever replaced.
        std::str::from_utf8(self.as_bytes()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_every_length_come_back() {
        for length in [0, 1, 36, 37, 38, 39, 64, 300] {
            let text = "x".repeat(length);
            assert_eq!(Identity::new(&text).as_str(), text);
        }
        assert_eq!(std::mem::size_of::<Identity>(), 40);
    }
}
