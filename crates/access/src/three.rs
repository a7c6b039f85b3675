//! Three-valued logic (Kleene's): an answer, or not knowable.

/// Yes, no, or it depends on something that is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Three {
    /// Certainly not.
    No,
    /// It depends.
    Maybe,
    /// Certainly.
    Yes,
}

impl Three {
    /// Both.
    pub fn and(self, other: Three) -> Three {
        self.min(other)
    }

    /// Either.
    pub fn or(self, other: Three) -> Three {
        self.max(other)
    }

    /// This if `other` agrees, else it depends.
    pub fn agree(self, other: Three) -> Three {
        if self == other { self } else { Three::Maybe }
    }

    /// True for [`Three::Yes`].
    pub fn is_yes(self) -> bool {
        self == Three::Yes
    }

    /// True for [`Three::No`].
    pub fn is_no(self) -> bool {
        self == Three::No
    }

    /// Any of them; no, when there is none.
    pub fn any(items: impl IntoIterator<Item = Three>) -> Three {
        let mut found = Three::No;
        for item in items {
            found = found.or(item);
            if found.is_yes() {
                break;
            }
        }
        found
    }

    /// All of them; yes, when there is none.
    pub fn all(items: impl IntoIterator<Item = Three>) -> Three {
        let mut found = Three::Yes;
        for item in items {
            found = found.and(item);
            if found.is_no() {
                break;
            }
        }
        found
    }
}

impl std::ops::Not for Three {
    type Output = Three;

    fn not(self) -> Three {
        match self {
            Three::No => Three::Yes,
            Three::Maybe => Three::Maybe,
            Three::Yes => Three::No,
        }
    }
}

impl From<bool> for Three {
    fn from(yes: bool) -> Three {
        if yes { Three::Yes } else { Three::No }
    }
}
