//! Servers of a policy that came one by one.

#[cfg(feature = "alloc")]
pub(crate) use heap::MoreServers;
#[cfg(not(feature = "alloc"))]
pub(crate) use lent::MoreServers;

#[cfg(feature = "alloc")]
mod heap {
    use alloc::vec::Vec;

    use crate::held::Text;

    /// Servers beside those that are in a list for ever.
    #[derive(Clone, Debug)]
    pub(crate) struct MoreServers(Vec<(Text, u16)>);

    impl MoreServers {
        pub(crate) const NONE: Self = Self(Vec::new());

        pub(crate) fn push(&mut self, host: Text, port: u16) {
            self.0.push((host, port));
        }

        pub(crate) fn len(&self) -> usize {
            self.0.len()
        }

        pub(crate) fn get(&self, index: usize) -> Option<(Text, u16)> {
            self.0.get(index).cloned()
        }
    }
}

#[cfg(not(feature = "alloc"))]
mod lent {
    use crate::held::Text;

    /// There are none.
    #[derive(Clone, Debug)]
    pub(crate) struct MoreServers;

    #[allow(clippy::unused_self)] // With a heap there may be some.
    impl MoreServers {
        pub(crate) const NONE: Self = Self;

        pub(crate) fn len(&self) -> usize {
            0
        }

        pub(crate) fn get(&self, _index: usize) -> Option<(Text, u16)> {
            None
        }
    }
}
