//! Device, system and browser by the browser's own name for itself.

use std::sync::Arc;

use woothee::parser::Parser;

use super::UNKNOWN;
use super::class;
use super::recent::Recent;

/// What plays.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    /// Its class: `computer`, `phone`, `tablet`, `tv`, `console`, `bot`, or `unknown`.
    pub device: &'static str,
    /// Its operating system, without version.
    pub os: Box<str>,
    /// The browser, without version.
    pub browser: Box<str>,
}

/// Finds devices.
#[derive(Debug)]
pub(super) struct Agents {
    recent: Recent<Box<str>, Device>,
    nothing: Arc<Device>,
}

impl Default for Agents {
    fn default() -> Self {
        Self { recent: Recent::default(), nothing: Arc::new(named(class::UNKNOWN, None, None)) }
    }
}

impl Agents {
    /// By what a browser says of itself: each name is taken apart once.
    pub(super) fn device(&mut self, user_agent: Option<&str>) -> Arc<Device> {
        match user_agent {
            Some(agent) if !agent.is_empty() => self.recent.get(agent, || taken_apart(agent)),
            _ => Arc::clone(&self.nothing),
        }
    }
}

#[cold]
fn taken_apart(agent: &str) -> Device {
    let found = Parser::new().parse(agent);
    let found = found.as_ref();
    let (category, os) = (found.map_or("", |found| found.category), found.map_or("", |found| found.os));
    let agent = agent.to_ascii_lowercase();
    named(class::of(&agent, category, os), class::system(&agent, os), found.map(|found| found.name))
}

fn named(device: &'static str, os: Option<&str>, browser: Option<&str>) -> Device {
    let name = |name: Option<&str>| match name.unwrap_or(UNKNOWN) {
        "" | woothee::woothee::VALUE_UNKNOWN => UNKNOWN.into(),
        name => name.into(),
    };
    Device { device, os: name(os), browser: name(browser) }
}
