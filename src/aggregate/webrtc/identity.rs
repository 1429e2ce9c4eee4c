//! The key of a session in windows and carries.

use crate::model::webrtc::Report;
use crate::model::write_session_id;

/// Writes the session's key into `out`: the tenant, a zero byte, the session's id.
pub(super) fn write_key(out: &mut String, tenant: &str, report: &Report<'_>) {
    out.clear();
    out.push_str(tenant);
    out.push('\0');
    write_session_id(out, [&report.app, &report.call, &report.participant]);
}

/// The escaped call of a session's id.
pub(super) fn call_of(id: &str) -> &str {
    id.split('|').nth(1).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_call_is_the_second_part() {
        assert_eq!(call_of("a|b%7C|c"), "b%7C");
    }
}
