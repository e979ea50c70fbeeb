//! Settings that can change while the client lives: those of CONNECT.

use core::mem::swap;
use core::time::Duration;

use crate::apart::Apart;
use crate::client::Client;
use crate::held::{Binary, Text};
use crate::link::Said;
use crate::options::{options, whole_seconds};
use crate::property_list::PropertyList;
use crate::redirection::go_home;
use crate::runtime::Runtime;
use crate::server::take_apart;
use crate::settings::Settings;
use crate::will::Will;

impl<R: Runtime> Client<R> {
    /// Changes what the next CONNECT says, and where it goes: user and password, will, keep-alive,
    /// server, and more, all at once. What is not named stays as it is; what is not offered cannot
    /// change while the client lives.
    ///
    /// A connection that stands is left alone, and so it is by a `connect(false)` afterwards: what
    /// changed is said by the connection that follows it, or that takes its place with
    /// `connect(true)`. A [policy](crate::Reconnect) goes on with the server that is named here, and
    /// what its function answers meanwhile counts for less.
    ///
    /// Whether it can be said is judged by the next [`connect`](Self::connect), or by the next attempt
    /// of a policy, which ends if it cannot.
    ///
    /// ```
    /// # mqtt_as_tests::example!(|client| {
    /// client.reconfigure(|next| next.user("pump", "fresh token").without_will());
    /// let _ = client.disconnect().await; // There may be no connection.
    /// client.connect(false).await?;
    /// # });
    /// ```
    pub fn reconfigure(&self, change: impl FnOnce(Reconfigure) -> Reconfigure) {
        let mut next = change(Reconfigure::default());
        // What was there before is dropped here, when the lock is free.
        self.with_state(|state| {
            if let Some(retry) = &mut state.link.retry {
                retry.said.add(next.said());
                if next.names_server() {
                    retry.begin_at_home();
                    go_home(state);
                }
            }
            next.swap_with(&mut state.settings);
        });
    }
}

/// Changes of settings, for [`Client::reconfigure`].
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct Reconfigure {
    server: Option<Text>,
    port: Option<u16>,
    user: Option<Option<Text>>,
    password: Option<Option<Binary>>,
    keepalive: Option<u32>,
    session_expiry: Option<Option<u32>>,
    will: Option<Option<Apart<Will>>>,
    properties: Option<PropertyList>,
}

impl Reconfigure {
    options! {
        /// Sets the host name or address of the server, with or without a port, as
        /// [`Config::new`](crate::Config::new) takes it.
        ///
        /// ```
        /// # mqtt_as_tests::example!(|client| {
        /// client.reconfigure(|next| next.server("spare.example:1884"));
        /// # });
        /// ```
        server(self, server: impl Into<Text>) { self.server = Some(server.into()); }

        /// Sets the TCP port of the server.
        ///
        /// ```
        /// # mqtt_as_tests::example!(|client| {
        /// client.reconfigure(|next| next.port(1884));
        /// # });
        /// ```
        port(self, port: u16) { self.port = Some(port); }

        /// Sets user name and password.
        ///
        /// ```
        /// # mqtt_as_tests::example!(|client| {
        /// client.reconfigure(|next| next.user("pump", "fresh token"));
        /// # });
        /// ```
        user(self, user: impl Into<Text>, password: impl Into<Binary>) {
            self.user = Some(Some(user.into()));
            self.password = Some(Some(password.into()));
        }

        /// Sets the user name alone; the password stays.
        ///
        /// ```
        /// # mqtt_as_tests::example!(|client| {
        /// client.reconfigure(|next| next.user_name("pump"));
        /// # });
        /// ```
        user_name(self, user: impl Into<Text>) { self.user = Some(Some(user.into())); }

        /// Sets the password alone; the user name stays.
        ///
        /// ```
        /// # mqtt_as_tests::example!(|client| {
        /// client.reconfigure(|next| next.password("fresh token"));
        /// # });
        /// ```
        password(self, password: impl Into<Binary>) { self.password = Some(Some(password.into())); }

        /// Takes user name and password back.
        ///
        /// ```
        /// # mqtt_as_tests::example!(|client| {
        /// client.reconfigure(|next| next.without_user());
        /// # });
        /// ```
        without_user(self,) {
            self.user = Some(None);
            self.password = Some(None);
        }

        /// Sets the keep-alive, as [`Config::keepalive`](crate::Config::keepalive) does.
        ///
        /// ```
        /// # mqtt_as_tests::example!(|client| {
        /// # use std::time::Duration;
        /// // At night nobody is in a hurry.
        /// client.reconfigure(|next| next.keepalive(Duration::from_secs(600)));
        /// # });
        /// ```
        keepalive(self, keepalive: Duration) {
            self.keepalive = Some(whole_seconds(keepalive));
        }

        /// Sets how many seconds the server keeps the session after a connection, 5.0 only.
        ///
        /// ```
        /// # mqtt_as_tests::example!(|client| {
        /// client.reconfigure(|next| next.session_expiry(86_400));
        /// # });
        /// ```
        session_expiry(self, seconds: u32) { self.session_expiry = Some(Some(seconds)); }

        /// Sets what the server publishes when the client is lost.
        ///
        /// ```
        /// # mqtt_as_tests::example!(|client| {
        /// use mqtt_as_tokio::Will;
        ///
        /// client.reconfigure(|next| next.will(Will::new("plant/7/state", "lost")));
        /// # });
        /// ```
        will(self, will: Will) { self.will = Some(Some(Apart::new(will))); }

        /// Takes the will back: the server publishes nothing when the client is lost.
        ///
        /// ```
        /// # mqtt_as_tests::example!(|client| {
        /// client.reconfigure(|next| next.without_will());
        /// # });
        /// ```
        without_will(self,) { self.will = Some(None); }

        /// Sets the properties of CONNECT, as [`Config::properties`](crate::Config::properties)
        /// does, in place of those set before.
        ///
        /// ```
        /// # mqtt_as_tests::example!(|client| {
        /// use mqtt_as_tokio::Property;
        ///
        /// client.reconfigure(|next| next.properties(&[Property::UserProperty(("site", "north"))]));
        /// # });
        /// ```
        properties(self, properties: impl Into<PropertyList>) {
            self.properties = Some(properties.into());
        }
    }

    fn names_server(&self) -> bool {
        self.server.is_some() || self.port.is_some()
    }

    fn said(&self) -> Said {
        let Self { user, password, will, .. } = self;
        Said { user: user.is_some(), password: password.is_some(), will: will.is_some() }
    }

    /// Puts what is set into the settings, and what was there before here.
    fn swap_with(&mut self, settings: &mut Settings) {
        if let Some(server) = &mut self.server
            && settings.takes_host
        {
            settings.no_server = take_apart(server, &mut self.port).err();
        }
        exchange(&mut self.server, &mut settings.server);
        exchange(&mut self.port, &mut settings.port);
        exchange(&mut self.user, &mut settings.user);
        exchange(&mut self.password, &mut settings.password);
        exchange(&mut self.keepalive, &mut settings.keepalive);
        if self.session_expiry.is_some() {
            settings.has_own();
        }
        exchange(&mut self.session_expiry, &mut settings.session_expiry);
        let will = self.will.iter().flatten().next();
        let has_more =
            self.properties.is_some() || will.is_some_and(|will| will.say_more.is_some());
        if has_more {
            settings.has_more();
        }
        exchange(&mut self.will, &mut settings.will);
        exchange(&mut self.properties, &mut settings.properties);
    }
}

fn exchange<T>(new: &mut Option<T>, old: &mut T) {
    if let Some(new) = new {
        swap(new, old);
    }
}
