//! The command lines, each with what it shows.

mod formats;
mod publishing;
mod refusals;
mod subscribing;
mod ways;

pub(crate) use formats::formats;
pub(crate) use publishing::publishing;
pub(crate) use refusals::refusals;
pub(crate) use subscribing::subscribing;
pub(crate) use ways::ways;
