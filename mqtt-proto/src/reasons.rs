//! Reasons of errors, written once: variant, meaning, and the sentence that it is displayed as.

/// What went wrong, each with the sentence that it is displayed as.
#[doc(hidden)]
#[macro_export]
macro_rules! reasons {
    (@copy $name:ident) => {
        impl Copy for $name {}
    };
    // It owns what the peer said, with a heap.
    (@copy $name:ident $what:ident) => {};
    ($(
        $(#[$about:meta])*
        $name:ident $(owns $what:ident)? $(says $before:literal)? { $(
            $(#[$variant_about:meta])*
            $variant:ident
            $(($($part:ident: $part_type:ty),+))?
            $({ $($(#[$field_about:meta])* $field:ident: $field_type:ty,)+ })?
            => $says:literal $(, $said:expr)?;
        )+ }
    )+) => {$(
        $(#[$about])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        #[cfg_attr(feature = "defmt", derive(defmt::Format))]
        pub enum $name { $(
            $(#[$variant_about])*
            $variant $(($($part_type),+))? $({ $($(#[$field_about])* $field: $field_type,)+ })?,
        )+ }

        $crate::reasons!(@copy $name $($what)?);

        impl core::fmt::Display for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                $(f.write_str($before)?;)?
                #[allow(unused_doc_comments)] // What is said of a variant may be that it is left out.
                match self { $(
                    $(#[$variant_about])*
                    Self::$variant $(($($part),+))? $({ $($field),+ })? => {
                        write!(f, $says $(, $said)?)
                    }
                )+ }
            }
        }
    )+};
}
