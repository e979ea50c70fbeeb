//! The gateway's DNS: A records of the names it was told, and no others (RFC 1035).

use std::net::Ipv4Addr;
use std::rc::Rc;

use embassy_net::Stack;
use embassy_net::udp::{PacketMetadata, UdpSocket};

use super::Shared;

/// Answers queries, one after the other.
pub(super) async fn answer(gateway: Stack<'static>, shared: Rc<Shared>) {
    let (mut rx_meta, mut tx_meta) = ([PacketMetadata::EMPTY; 8], [PacketMetadata::EMPTY; 8]);
    let (mut rx, mut tx) = (vec![0; 4096], vec![0; 4096]);
    let mut socket = UdpSocket::new(gateway, &mut rx_meta, &mut rx, &mut tx_meta, &mut tx);
    if socket.bind(53).is_err() {
        return;
    }
    let mut query = [0; 512];
    loop {
        let Ok((len, from)) = socket.recv_from(&mut query).await else { continue };
        if let Some(response) = response(&query[..len], &shared) {
            let _ = socket.send_to(&response, from).await; // It asks again.
        }
    }
}

/// The answer to a query with one question.
fn response(query: &[u8], shared: &Shared) -> Option<Vec<u8>> {
    let (name, question) = question(query.get(12..)?)?;
    let names = shared.names.borrow();
    let addresses = names.get(&name).filter(|_| question.ends_with(&A_IN));
    let count = u8::try_from(addresses.map_or(0, Vec::len)).ok()?;
    let code = if names.contains_key(&name) { 0 } else { 3 }; // 3: there is no such name.
    let mut response = query.get(..2)?.to_vec();
    response.extend([0x81, 0x80 | code, 0, 1, 0, count, 0, 0, 0, 0]);
    response.extend(question);
    for address in addresses.into_iter().flatten() {
        record(address, &mut response);
    }
    Some(response)
}

/// Type A, class IN.
const A_IN: [u8; 4] = [0, 1, 0, 1];

/// The name that is asked for, and the bytes of the question.
fn question(bytes: &[u8]) -> Option<(String, &[u8])> {
    let mut labels = Vec::new();
    let mut at = 0;
    loop {
        let len = usize::from(*bytes.get(at)?);
        at += 1;
        if len == 0 {
            return Some((labels.join("."), bytes.get(..at + A_IN.len())?));
        }
        labels.push(String::from_utf8_lossy(bytes.get(at..at + len)?).to_lowercase());
        at += len;
    }
}

/// A record of the name in the question, good for a minute.
fn record(address: &Ipv4Addr, to: &mut Vec<u8>) {
    to.extend([0xc0, 12]);
    to.extend(A_IN);
    to.extend([0, 0, 0, 60, 0, 4]);
    to.extend(address.octets());
}
