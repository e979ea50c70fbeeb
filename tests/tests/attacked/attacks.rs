//! The attacks: floods, lengths, aliases, identifiers, properties.

use mqtt_as_tokio::Version;

use crate::attack::End::{Stands, Told, Waits};
use crate::attack::Program::{Asks, Sleeps, Takes};
use crate::attack::{Attack, Program};

/// Bytes of a flood, which come again and again.
const FLOOD: usize = 256 * 1024;

pub(crate) fn all(version: Version) -> Vec<Attack> {
    let v5 = version == Version::V5;
    let mut all = Vec::new();
    messages(v5, &mut all);
    replies(v5, &mut all);
    identifiers(v5, &mut all);
    lengths(v5, &mut all);
    if v5 {
        authentication(&mut all);
        aliases(&mut all);
        properties(&mut all);
    }
    all
}

/// A packet of its first byte and its body.
fn packet(first: u8, body: &[&[u8]]) -> Vec<u8> {
    let body = body.concat();
    let (mut bytes, mut len) = (vec![first], body.len());
    while len > 0x7f {
        bytes.push(len as u8 | 0x80);
        len >>= 7;
    }
    bytes.push(len as u8);
    bytes.extend(body);
    bytes
}

/// A PUBLISH to "t", with those properties.
fn publish(v5: bool, first: u8, id: u16, properties: &[u8], payload: &[u8]) -> Vec<u8> {
    let id = id.to_be_bytes();
    let id = if first & 6 == 0 { &[][..] } else { &id };
    let properties = if v5 { section(properties) } else { Vec::new() };
    packet(first, &[b"\0\x01t", id, &properties, payload])
}

/// Properties with their length.
fn section(properties: &[u8]) -> Vec<u8> {
    packet(0, &[properties])[1..].to_vec()
}

/// Packets one behind the other, numbered, up to so many bytes.
fn flood(bytes: usize, packet: impl Fn(u32) -> Vec<u8>) -> Vec<u8> {
    let mut all = Vec::with_capacity(bytes + 64 * 1024);
    for number in 0.. {
        if all.len() >= bytes {
            break;
        }
        all.extend(packet(number));
    }
    all
}

/// One identifier after the other.
fn id(number: u32) -> u16 {
    (number % 65_535) as u16 + 1
}

/// Messages that the program takes, does not take, or has not asked for.
fn messages(v5: bool, all: &mut Vec<Attack>) {
    let kinds = [("QoS 0", 0x30), ("QoS 1", 0x32), ("QoS 2", 0x34)];
    for (qos, first) in kinds {
        let small = |number| publish(v5, first, id(number), &[], &[7; 100]);
        let large = |number| publish(v5, first, id(number), &[], &[7; 15_000]);
        let of = |who: Program, end, what: &str, bytes| {
            Attack::new(
                &format!("{what} messages at {qos}, the program {who:?}"),
                v5,
                who,
                end,
                bytes,
            )
        };
        all.push(of(Asks, Waits, "small", flood(FLOOD, small)));
        all.push(of(Asks, Waits, "large", flood(FLOOD, large)));
        let unasked = if first == 0x30 { Stands } else { Waits };
        all.push(of(Sleeps, unasked, "small", flood(FLOOD, small)));
        all.push(of(Takes, Stands, "small", flood(FLOOD, small)));
    }
}

/// Replies that nobody waits for.
fn replies(v5: bool, all: &mut Vec<Attack>) {
    let with_id = |first: u8, rest: &'static [u8]| {
        flood(FLOOD, move |number| packet(first, &[&id(number).to_be_bytes(), rest]))
    };
    let suback: &[u8] = if v5 { &[0, 0] } else { &[0] };
    let unsuback: &[u8] = if v5 { &[0, 0] } else { &[] };
    for (name, bytes) in [
        ("PUBACK", with_id(0x40, &[])),
        ("PUBREC", with_id(0x50, &[])),
        ("PUBREL", with_id(0x62, &[])),
        ("PUBCOMP", with_id(0x70, &[])),
        ("SUBACK", with_id(0x90, suback)),
        ("UNSUBACK", with_id(0xb0, unsuback)),
        ("PINGRESP", flood(FLOOD, |_| vec![0xd0, 0])),
    ] {
        all.push(Attack::new(&format!("{name} unasked"), v5, Sleeps, Stands, bytes));
    }
    for (name, first) in [("PUBREC", 0x50), ("PUBREL", 0x62)] {
        let name = format!("{name}, and what answers it is not read");
        let bytes = flood(FLOOD, |number| packet(first, &[&id(number).to_be_bytes()]));
        all.push(Attack::new(&name, v5, Sleeps, Waits, bytes).deaf());
    }
    let auth: &[u8] = b"\x18\x04\x15\0\x01M";
    all.push(Attack::new("AUTH", v5, Sleeps, Told(0x82), packet(0xf0, &[auth])));
    let connack: &[u8] = if v5 { &[0, 0, 0] } else { &[0, 0] };
    all.push(Attack::new("CONNACK again", v5, Sleeps, Told(0x82), packet(0x20, &[connack])));
}

/// Identifiers that come again and again.
fn identifiers(v5: bool, all: &mut Vec<Attack>) {
    for (qos, first) in [(1, 0x32), (2, 0x34)] {
        for program in [Asks, Takes] {
            let name =
                format!("the same message at QoS {qos} again and again, the program {program:?}");
            let bytes = flood(FLOOD, |number| {
                publish(v5, if number == 0 { first } else { first | 8 }, 7, &[], &[7; 100])
            });
            all.push(Attack::new(&name, v5, program, Stands, bytes));
        }
    }
    // All that there are, and none is released.
    let bytes: Vec<u8> =
        (0..65_535).flat_map(|one| publish(v5, 0x34, id(one), &[], b"x")).collect();
    let name = "all identifiers at QoS 2, and no PUBREL";
    all.push(Attack::new(name, v5, Takes, Stands, bytes).recorded());
    let bytes = flood(FLOOD, |number| match number % 3 {
        0 => publish(v5, 0x34, 7, &[], b"x"),
        _ => packet(0x62, &[&[0, 7]]),
    });
    let name = "a message at QoS 2, and PUBREL twice, again and again";
    all.push(Attack::new(name, v5, Takes, Stands, bytes));
    let both = [publish(v5, 0x34, 7, &[], b"x"), publish(v5, 0x32, 7, &[], b"x")].concat();
    let name = "an identifier at two qualities of service";
    all.push(Attack::new(name, v5, Asks, Told(0x82), both));
}

/// Lengths that are not, or far too much.
fn lengths(v5: bool, all: &mut Vec<Attack>) {
    let large = |first: u8, len: usize| {
        let head = [first, 0xff, 0xff, 0xff, 0x7f, 0, 1, b't', 0, 7, 0];
        [&head[..], &vec![7; len]].concat()
    };
    for (name, first) in [("QoS 0", 0x30), ("QoS 1", 0x32)] {
        let name = format!("a message of 256 MiB at {name}");
        if v5 {
            all.push(Attack::new(&name, v5, Sleeps, Told(0x95), large(first, 0)));
        } else {
            // It is skipped; its end never comes.
            let mut attack = Attack::new(&name, v5, Asks, Stands, large(first, 32 * FLOOD)).once();
            attack.last.clear();
            all.push(attack);
        }
    }
    all.push(Attack::new("a SUBACK of 256 MiB", v5, Sleeps, Told(0x95), large(0x90, 0)));
    let endless = [&[0x30][..], &[0x80; 4]].concat();
    all.push(Attack::new("a length without an end", v5, Sleeps, Told(0x81), endless));
    let beyond = packet(0x30, &[&[0xff, 0xff, b't', 0]]);
    all.push(Attack::new("a topic beyond the packet", v5, Sleeps, Told(0x81), beyond));
    for end in [10, 9_000] {
        // The rest of what was announced never comes.
        let mut bytes = publish(v5, 0x30, 0, &[], &[7; 15_000]);
        bytes.truncate(end);
        let name = format!("{end} bytes of a message");
        let mut attack = Attack::new(&name, v5, Asks, Stands, bytes);
        attack.last.clear();
        all.push(attack);
    }
}

/// Steps without an end, each of which is answered, and then CONNACK.
fn authentication(all: &mut Vec<Attack>) {
    let method = section(b"\x15\0\x01M");
    let step = packet(0xf0, &[&[0x18], &method]);
    let connack = packet(0x20, &[&[0, 0], &method]);
    let all_of_it = [step.repeat(20_000), connack].concat();
    let attack = Attack::new("AUTH again and again", true, Sleeps, Stands, Vec::new());
    all.push(attack.accepting(all_of_it).authenticating());
}

fn aliases(all: &mut Vec<Attack>) {
    let bytes = flood(FLOOD, |number| {
        let topic = vec![b'a' + (number % 26) as u8; 1 + (number as usize * 7919) % 12_000];
        let alias = [0x23, 0, (number % crate::ALIASES as u32) as u8 + 1];
        packet(0x30, &[&(topic.len() as u16).to_be_bytes(), &topic, &section(&alias)])
    });
    let name = "aliases that stand for another topic again and again";
    all.push(Attack::new(name, true, Sleeps, Stands, bytes.clone()));
    all.push(Attack::new(&format!("{name}, the program takes"), true, Takes, Stands, bytes));
    for (name, alias, code) in [("0", 0, 0x94), ("above the maximum", 9, 0x94)] {
        let bytes = publish(true, 0x30, 0, &[0x23, 0, alias], b"x");
        all.push(Attack::new(&format!("the alias {name}"), true, Sleeps, Told(code), bytes));
    }
    let bytes = packet(0x30, &[&[0, 0], &section(&[0x23, 0, 1]), b"x"]);
    all.push(Attack::new("an alias that stands for nothing", true, Sleeps, Told(0x82), bytes));
}

fn properties(all: &mut Vec<Attack>) {
    const USER: &[u8] = b"\x26\0\x01a\0\x01b";
    let many = USER.repeat(2_000);
    let message = |first| flood(FLOOD, |number| publish(true, first, id(number), &many, b"x"));
    for (name, program, end) in [("takes", Takes, Stands), ("asks", Asks, Waits)] {
        let name = format!("2,000 user properties in each message, the program {name}");
        all.push(Attack::new(&name, true, program, end, message(0x32)));
    }
    let connack = packet(0x20, &[&[0, 0], &section(&many)]);
    let attack = Attack::new("2,000 user properties in CONNACK", true, Sleeps, Stands, Vec::new());
    all.push(attack.accepting(connack));
    let rest = [&[0][..], &section(&many)].concat();
    let bytes = flood(FLOOD, |number| packet(0x40, &[&id(number).to_be_bytes(), &rest]));
    all.push(Attack::new("2,000 user properties in each PUBACK", true, Sleeps, Stands, bytes));
    let bytes = packet(0x30, &[b"\0\x01t", &[0xff, 0xff, 0xff, 0x7f]]);
    all.push(Attack::new("properties of 256 MiB", true, Sleeps, Told(0x81), bytes));
    let bytes = publish(true, 0x30, 0, &[0x26, 0xff, 0xff, b'a'], b"x");
    all.push(Attack::new("a user property beyond its packet", true, Sleeps, Told(0x81), bytes));
    let bytes = publish(true, 0x30, 0, &[0x0b, 0x80, 0x80, 0x80, 0x80], b"x");
    all.push(Attack::new("an identifier without an end", true, Sleeps, Told(0x81), bytes));
}
