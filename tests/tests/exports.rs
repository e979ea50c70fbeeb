//! What the adapters re-export: whatever a program may have to name.
//!
//! The client's crate names all that its signatures name: its lint `unnameable_types` says so. Here
//! each of those names has to be one of every adapter's, too.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// What only those name who write a runtime, or make a client of parts.
const OF_RUNTIMES: [&str; 21] = [
    "BorrowedMemory",
    "Callbacks",
    "HandledEvent",
    "Handler",
    "HandlerId",
    "HandlerMemory",
    "HandlerTable",
    "Handlers",
    "Handling",
    "Instant",
    "LentHandlers",
    "Listeners",
    "LinkEvent",
    "Lock",
    "Memory",
    "ReadMemory",
    "Registered",
    "Runner",
    "Start",
    "State",
    "Waiter",
];

/// What each adapter has in a form of its own.
const OF_ADAPTERS: [&str; 7] =
    ["Client", "MessageStream", "PublishStream", "Queue", "Receipt", "Receiver", "WeakClient"];

/// The same, where callbacks are futures.
const OF_ADAPTERS_WITH_STD: [&str; 1] = ["Subscription"];

/// The names that a file exports: by `pub use`, or as types of its own.
fn exported(path: &str) -> BTreeSet<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let text = fs::read_to_string(root.join(path)).expect("a file of this repository");
    let is_code = |line: &&str| !line.trim_start().starts_with("//");
    let text = text.lines().filter(is_code).collect::<Vec<_>>().join("\n");
    let mut names = BTreeSet::new();
    for item in ["pub use ", "pub type ", "pub struct ", "pub enum "] {
        for found in text.split(item).skip(1) {
            let end = found.find([';', '=', '<', '\n']).unwrap_or(found.len());
            let end = if item == "pub use " { found.find(';').unwrap_or(end) } else { end };
            let words = found[..end].split(|c: char| !c.is_alphanumeric() && c != '_');
            names.extend(words.filter(|word| is_type(word)).map(str::to_owned));
        }
    }
    names
}

fn is_type(word: &str) -> bool {
    word.starts_with(|first: char| first.is_ascii_uppercase())
}

#[test]
fn every_name_of_the_client_is_one_of_every_adapter() {
    let all = exported("mqtt-client/src/lib.rs");
    let shared = exported("mqtt-client/src/surface.rs");
    for name in OF_RUNTIMES.iter().chain(&OF_ADAPTERS).chain(&OF_ADAPTERS_WITH_STD) {
        assert!(all.contains(*name), "the client has no {name}");
    }
    for name in &all {
        let known = |list: &[&str]| list.contains(&name.as_str());
        let of_adapters = known(&OF_ADAPTERS) || known(&OF_ADAPTERS_WITH_STD);
        assert!(
            shared.contains(name) || known(&OF_RUNTIMES) || of_adapters,
            "surface.rs does not export {name}"
        );
    }
    for adapter in ["tokio", "smol", "embassy"] {
        let own = exported(&format!("adapter-{adapter}/src/lib.rs"));
        let with_std = OF_ADAPTERS_WITH_STD.iter().filter(|_| adapter != "embassy");
        for name in OF_ADAPTERS.iter().chain(with_std) {
            assert!(own.contains(*name), "adapter-{adapter} has no {name}");
        }
    }
}

/// Names of the core that those of the client are made of.
#[test]
fn names_of_the_core_are_exported() {
    #[allow(unused_imports)]
    use mqtt_as_tokio::{
        ConfigError, ConnectionError, DecodeError, EncodeError, Limit, Limits, MaximumQoS, NotSent,
        OperationError, PacketId, PacketType, Properties, Property, PropertyIter, QoS, ReasonCode,
        RetainHandling, SubscriptionId, SubscriptionOptions, TopicAliasId, TopicError, TopicFilter,
        TopicName, Version, Violation, Waiting,
    };
}
