//! What is known of a viewer's surroundings: device, system and browser by what the browser says of itself; country, region and city by the
//! address, which is looked up and forgotten.
//!
//! R1  What comes out depends on what goes in, and on the operator's file, alone: memory of earlier answers only saves time, and is bounded.
//! R2  What is not known is `unknown`, never absent.
//! R3  No address is kept.

mod agent;
mod class;
mod place;
mod recent;

use std::net::IpAddr;
use std::sync::Arc;

use crate::model::kaltura::Beacon;

pub use agent::Device;
pub use place::{Error, Place, Places};

use agent::Agents;
use place::Lookup;

/// What stands where nothing is known.
pub const UNKNOWN: &str = "unknown";

/// Finds surroundings; one for each partition that is read.
#[derive(Debug, Default)]
pub struct Surroundings {
    agents: Agents,
    places: Lookup,
}

impl Surroundings {
    /// With the operator's file of places, if there is one.
    pub fn new(places: Option<Arc<Places>>) -> Self {
        Self { agents: Agents::default(), places: Lookup::new(places) }
    }

    /// Where a beacon came from.
    pub fn of(&mut self, beacon: &Beacon<'_>) -> (Arc<Device>, Arc<Place>) {
        (self.device(beacon.user_agent.as_deref()), self.place(beacon.address))
    }

    /// By what a browser says of itself.
    pub fn device(&mut self, user_agent: Option<&str>) -> Arc<Device> {
        self.agents.device(user_agent)
    }

    /// By an address.
    pub fn place(&mut self, address: Option<IpAddr>) -> Arc<Place> {
        self.places.place(address)
    }
}
