//! Texts that open something. They reach their owner, and nobody's log.

/// Whether two secrets are the same, in a time that does not tell how much of them is.
pub fn are_equal(a: &str, b: &str) -> bool {
    aws_lc_rs::constant_time::verify_slices_are_equal(a.as_bytes(), b.as_bytes()).is_ok()
}

/// Declares a secret: a text that shows itself only through `expose`, for the answer to whom it belongs.
#[macro_export]
macro_rules! secret {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq)]
        pub struct $name(String);

        impl $name {
            /// Wraps the text.
            pub fn new(text: String) -> Self {
                Self(text)
            }

            /// The text itself, for the answer to the user it belongs to.
            pub fn expose(&self) -> &str {
                &self.0
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(concat!(stringify!($name), "(redacted)"))
            }
        }
    };
}
