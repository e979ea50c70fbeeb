//! What the client hears: what it may say from there on.

use mqtt_as_proto::PacketId;
use mqtt_as_proto::frame::Frame;
use mqtt_as_proto::packet::{Ack, Packet, SubAck, UnsubAck};

use super::{Wire, begun_id, digest};

impl Wire {
    /// The client got a whole packet, and is about to look at it.
    pub(in super::super) fn received(&mut self, frame: Frame<'_>) {
        self.note('<', frame);
        match Packet::decode(frame, self.version) {
            Ok(Packet::ConnAck(ack)) if !ack.reason.is_error() => {
                if !ack.session_present {
                    self.end_session();
                }
                self.quota.connected(&ack, self.version);
                self.replies.connected(ack.session_present);
                self.news.connected = Some(ack.properties.server_keep_alive());
            }
            Ok(Packet::Publish(publish)) => {
                let content = Some(digest(publish.payload));
                if publish.topic.as_str().is_empty() {
                    self.news.met.push("an alias of the server's alone");
                }
                if publish.delivery.id().is_none() {
                    content.into_iter().for_each(|content| self.at_most_once.came(content));
                }
                self.note_arrived(publish.delivery.id(), publish.delivery.qos() as usize, content);
            }
            Ok(Packet::PubAck(ack)) => {
                self.news.progress |= self.open.remove(&ack.id).is_some();
            }
            Ok(Packet::PubComp(ack)) => self.received_pubcomp(ack.id),
            Ok(Packet::PubRec(ack)) => self.received_pubrec(&ack),
            Ok(Packet::PubRel(ack)) => self.replies.received_pubrel(ack.id),
            Ok(
                Packet::SubAck(SubAck { id, codes, .. })
                | Packet::UnsubAck(UnsubAck { id, codes, .. }),
            ) => {
                self.replies.answered(id, codes);
                self.news.progress |= self.requests.remove(&id);
            }
            Ok(Packet::PingResp) => self.news.pong = true,
            _ => {}
        }
    }

    fn received_pubrec(&mut self, ack: &Ack<'_>) {
        if ack.reason.is_error() {
            self.news.progress |= self.open.remove(&ack.id).is_some();
            return;
        }
        self.replies.received_pubrec(ack.id);
        if let Some(flow) = self.open.get_mut(&ack.id).filter(|flow| !flow.released) {
            flow.released = true;
            self.news.released.push(flow.content);
            self.news.progress = true;
            self.releases.push((ack.id, false));
        }
    }

    fn received_pubcomp(&mut self, id: PacketId) {
        // One that clears an identifier ends no flow that is not past PUBREC.
        let ends = self.open.get(&id);
        if ends.is_some_and(|flow| flow.released || flow.retired) {
            self.open.remove(&id);
            self.news.progress = true;
        }
        self.news.progress |= self.clearing.remove(&id);
        self.releases.retain(|(other, _)| *other != id);
        self.cleared.insert(id);
    }

    /// The client got the beginning of a packet that it does not take whole.
    pub(in super::super) fn received_part(&mut self, bytes: &[u8]) {
        let Some(first) = bytes.first().filter(|first| *first >> 4 == 3) else { return };
        self.note_arrived(begun_id(bytes), usize::from(first >> 1 & 3), None);
    }

    fn note_arrived(&mut self, id: Option<PacketId>, qos: usize, content: Option<u64>) {
        if let (Some(id), Some(of)) = (id, qos.checked_sub(1)) {
            if self.came.insert(id, content) != Some(content) {
                // Who has another one of that identifier has it of a session whose end was missed.
                self.untaken.remove(&id);
            }
            self.replies.came(id);
            self.quota.came(id);
            let (full, over) = self.quota.ours_used();
            self.news.met.extend(full.then_some("our quota in use"));
            self.news.met.extend(over.then_some("our quota exceeded"));
            let arrived = &mut self.arrived[of];
            arrived.extend(Some(id).filter(|id| !arrived.contains(id)));
        }
    }
}
