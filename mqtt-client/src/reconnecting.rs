//! What a policy does: when the next attempt comes, where it goes, what it says.

use mqtt_as_proto::{Instant, ReasonCode, Version};

use crate::config::Config;
use crate::credentials::{Asking, Credentials};
use crate::deadline::Deadline;
use crate::driver::News;
use crate::error::DownReason;
use crate::held::Text;
use crate::link::{Retry, Said};
use crate::reconnect::{Attempt, Reconnect, ReconnectPolicy, RetryReason, Rule};
use crate::redirection::{go_home, known_server, redirect};
use crate::retries::Retries;
use crate::runtime::Locked;
use crate::settings::Settings;
use crate::state::State;
use crate::subscriptions;

impl Config {
    /// Connects again by itself when the link is lost, as the policy says. Default: a lost link is
    /// told by [`down`](crate::Client::down), and the program connects when it likes.
    ///
    /// ```
    /// use mqtt_as_tokio::{Config, Reconnect};
    ///
    /// static POLICY: Reconnect = Reconnect::new();
    /// let config = Config::new("broker.example").client_id("pump-7").reconnect(&POLICY);
    /// # let _ = config;
    /// ```
    pub fn reconnect(mut self, policy: impl Into<ReconnectPolicy>) -> Self {
        self.kept.policy = Some(policy.into().0);
        self.kept.retries = Some(&RETRIES);
        self
    }
}

static RETRIES: Retries = Retries {
    begin: State::begin_retries,
    aim: State::aim,
    due: State::retry_due,
    prepare: prepare_attempt,
    after_read: State::retry_after_read,
    lost: State::retry_lost,
    failed: State::retry_failed,
};

fn policy(settings: &Settings) -> Option<&Reconnect> {
    settings.policy.as_deref()
}

/// Asks the program what CONNECT says.
fn prepare_attempt(lock: &dyn Locked, seed: u32) -> Option<Asking> {
    let (mut renew, mut asking) = (None, None);
    lock.with(&mut |state| {
        let retry = state.link.retry();
        retry.sow(seed, state.settings.client_id.as_str());
        retry.said = Said::default();
        let settings = &state.settings;
        let Some(policy) = policy(settings) else { return };
        let credentials = Credentials::of(settings);
        asking = policy.renew_later.ask(&credentials);
        renew = policy.renew.map(|renew| (renew, credentials));
    });
    if asking.is_none()
        && let Some((renew, mut credentials)) = renew
    {
        lock.call(&mut || renew(&mut credentials));
        let mut fresh = Some(credentials);
        lock.with(&mut |state| {
            if let Some(fresh) = fresh.take() {
                fresh.set(&mut state.settings, state.link.retry().said);
            }
        });
    }
    asking
}

impl State {
    /// The program wants a connection.
    fn begin_retries(&mut self, clean: bool) {
        let Some(policy) = policy(&self.settings) else { return };
        let retry = self.link.retry();
        if !retry.is_on {
            (retry.server, retry.tried, retry.delay, retry.redirections) = (0, 0, 0, 0);
        }
        retry.is_on |= policy.first_connect;
        (retry.clean, retry.is_first, retry.attempts) = (clean, true, 0);
        retry.is_over = false;
        if policy.restore && !self.link.subscribed.is_some() {
            self.link.subscribed = subscriptions::new();
        }
    }

    /// Whether the time has come, and then whether the attempt is to be clean.
    fn retry_due(&mut self) -> Option<bool> {
        let is_due = self.link.linger?.left(self.now) == 0;
        // 5.0 says apart how long a session lives, and that it is a new one.
        let v5 = self.core.config().version == Version::V5;
        let resumes = v5 && self.settings.session_expiry.is_some();
        is_due.then_some(self.link.retry().clean && !resumes)
    }

    /// The server whose turn it is may be another one than that of the settings.
    fn aim(&self, target: &mut (Text, u16)) {
        let at = || usize::from(self.link.retry.as_ref()?.server).checked_sub(1);
        let other = known_server(self).or_else(|| policy(&self.settings)?.server(at()?));
        if let Some(other) = other {
            *target = other;
        }
    }

    /// The link may have come up, and there may be room to subscribe again.
    fn retry_after_read(&mut self) {
        let ups = self.link.ups;
        if core::mem::replace(&mut self.link.retry().ups, ups) != ups {
            self.retry_came_up();
        }
        let Self { core, link, .. } = self;
        link.subscribed.restore(core);
    }

    fn retry_came_up(&mut self) {
        let (now, link) = (low(self.now), &mut self.link);
        let is_new = core::mem::take(&mut link.retry().is_first) && link.retry().clean;
        if is_new {
            link.subscribed.clear();
        }
        if !link.session.has_subscriptions() {
            link.subscribed.begin_session();
        }
        let retry = link.retry();
        (retry.is_on, retry.up_at) = (true, now);
        (retry.attempts, retry.tried) = (0, 0);
    }

    /// A link that was up is gone.
    fn retry_lost(&mut self) {
        let reason = self.link.down_reason.clone();
        let Some(reason) = reason.filter(|reason| *reason != DownReason::Disconnected) else {
            return;
        };
        let now = low(self.exact_time());
        let Some(policy) = policy(&self.settings) else { return };
        let retry = self.link.retry();
        if now.wrapping_sub(retry.up_at) >= policy.stable_after {
            (retry.delay, retry.redirections) = (0, 0);
        }
        self.retry(RetryReason::Down(reason));
    }

    /// An attempt failed. True if the call that waits for the connection goes on waiting.
    fn retry_failed(&mut self) -> bool {
        let Some(error) = self.link.failure.as_deref().cloned() else { return false };
        let waits = policy(&self.settings).is_some_and(|policy| policy.first_connect);
        self.retry(RetryReason::Failed(error)) && waits
    }

    /// Decides on the next attempt. Whether there will be one.
    fn retry(&mut self, reason: RetryReason) -> bool {
        if !self.link.retry().is_on || self.handles == 0 {
            return false;
        }
        let delay = self.retry_delay(&reason);
        let retry = self.link.retry();
        retry.is_on = delay.is_some();
        retry.is_over = delay.is_none();
        retry.attempts = retry.attempts.saturating_add(1);
        let attempt = Attempt::new(retry.attempts, delay, reason);
        if let Some(delay) = delay {
            let now = self.exact_time();
            self.link.linger = Some(Deadline::after(now, delay));
            self.counts.attempts = self.counts.attempts.saturating_add(1);
            self.driver.notify(News::LINK);
        } else {
            self.end_waits(); // Nobody connects again but the program.
        }
        if self.lane.push_attempt(&self.link, &attempt, &mut self.kept) {
            self.driver.notify_callbacks();
        }
        delay.is_some()
    }

    /// The milliseconds until the next attempt, if there is to be one; and which server it is for.
    fn retry_delay(&mut self, reason: &RetryReason) -> Option<u32> {
        let (most, follows) =
            policy(&self.settings).map(|policy| (policy.attempts, policy.follow))?;
        if most != 0 && self.link.retry().attempts >= most {
            return None;
        }
        go_home(self);
        let rule = Rule::new(reason);
        if let Rule::Elsewhere(code) = rule
            && follows
            && redirect(self, code)
        {
            return self.redirected_delay();
        }
        let policy = policy(&self.settings)?;
        // By a CONNECT of our own, perhaps, which the server has read only now.
        let is_ours = is_taken_over(reason) && self.link.late.was_read();
        let (retry, count) = (self.link.retry(), policy.server_count());
        match rule {
            Rule::End if is_ours => Some(retry.next_delay(policy)),
            Rule::End => None,
            Rule::Usual => {
                let has_failed = matches!(reason, RetryReason::Failed(_));
                let next = has_failed && retry.try_next_server(count);
                Some(if next { 0 } else { retry.next_delay(policy) })
            }
            Rule::Refused | Rule::Elsewhere(_) => retry.refused_delay(policy, count),
        }
    }

    /// The first redirection is followed at once: later ones may be a circle.
    fn redirected_delay(&mut self) -> Option<u32> {
        let policy = policy(&self.settings)?;
        let retry = self.link.retry();
        retry.redirections = retry.redirections.saturating_add(1);
        Some(if retry.redirections == 1 { 0 } else { retry.next_delay(policy) })
    }
}

/// Whether the server says that another connection has the session now.
fn is_taken_over(reason: &RetryReason) -> bool {
    matches!(reason, RetryReason::Down(DownReason::Server(ReasonCode::SESSION_TAKEN_OVER)))
}

/// Milliseconds that wrap.
fn low(now: Instant) -> u32 {
    now.as_millis() as u32
}

impl Retry {
    /// Another server of this round is there to be tried, which is done at once.
    fn try_next_server(&mut self, more: usize) -> bool {
        let more = u16::try_from(more).unwrap_or(u16::MAX - 1);
        self.server = if self.server >= more { 0 } else { self.server + 1 };
        self.tried = if self.tried >= more { 0 } else { self.tried + 1 };
        self.tried != 0
    }

    /// The delay where the server refuses: another one may not.
    fn refused_delay(&mut self, policy: &Reconnect, servers: usize) -> Option<u32> {
        if self.try_next_server(servers) {
            return Some(0);
        }
        (policy.refused_delay != 0).then(|| self.with_chance(policy, policy.refused_delay))
    }

    fn next_delay(&mut self, policy: &Reconnect) -> u32 {
        let longest = policy.longest_delay.max(1);
        let next = match self.delay {
            0 => policy.first_delay.max(1),
            delay => delay.saturating_mul(u32::from(policy.factor.max(1))),
        };
        self.delay = next.min(longest);
        self.with_chance(policy, self.delay)
    }

    /// The delay, less a part of it by chance.
    fn with_chance(&mut self, policy: &Reconnect, delay: u32) -> u32 {
        // In parts of 256: a device divides no 64 bits.
        let jitter = u32::from(policy.jitter.min(100)) * 256 / 100;
        let part = (u64::from(delay) * u64::from(jitter)) >> 8;
        let chance = (part * u64::from(self.next_random())) >> 32;
        delay.saturating_sub(chance as u32)
    }

    /// Chance begins: two clients that start at the same moment differ in their names.
    fn sow(&mut self, seed: u32, name: &str) {
        if self.random == 0 {
            let mixed = |hash: u32, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193);
            self.random = name.bytes().fold(seed ^ 0x811c_9dc5, mixed).max(1);
        }
    }

    /// Xorshift: not for secrets.
    fn next_random(&mut self) -> u32 {
        let mut random = self.random.max(1);
        random ^= random << 13;
        random ^= random >> 17;
        random ^= random << 5;
        self.random = random;
        random
    }
}
