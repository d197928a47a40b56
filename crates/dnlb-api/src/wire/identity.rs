//! Service `dnlb`: accounts, users, access keys and sessions.

use super::models;
use crate::shape::*;

models! {
    /// An account to create, and its first administrator.
    CreateAccount {
        /// Its name, unique in the region.
        account_name: String as "Name",
        ?
        /// What it is for.
        description: String as "Description",
        /// Name of its first administrator. Default `admin`.
        admin_name: String as "Name",
        /// Password of its first administrator. Without one it has its access key alone.
        admin_password: String as "Password",
    }

    /// Changes of an account.
    UpdateAccount {
        ?
        /// Its name, unique in the region.
        account_name: String as "Name",
        /// What it is for.
        description: String as "Description",
        /// Whether its users and keys may do anything.
        enabled: bool,
    }

    /// An account: whom resources belong to.
    Account {
        /// Its id.
        account_id: String,
        /// Its name.
        account_name: String,
        /// What it is for.
        description: String,
        /// Whether its users and keys may do anything.
        enabled: bool,
        /// When it was created.
        created_time: String,
        ?
        /// How many users it has. Where one account is shown alone.
        user_count: u64,
        /// How many resources it has: while there are any, it cannot be deleted. Where one account is shown alone.
        resource_count: u64,
    }

    /// An account as it was made.
    AccountCreated {
        /// Its id.
        account_id: String,
        /// Its first administrator.
        user_id: String,
        /// The administrator's access key.
        access_key_id: String,
        /// The key's secret: shown here and never again.
        secret_key: String,
    }

    /// A user to create.
    CreateUser {
        /// Its name, unique in the account.
        user_name: String as "Name",
        /// What it may do.
        role: String as "RoleWord",
        ?
        /// Its password. Without one it cannot log in.
        password: String as "Password",
        /// Who it is.
        description: String as "Description",
    }

    /// Changes of a user.
    UpdateUser {
        ?
        /// Its name, unique in the account.
        user_name: String as "Name",
        /// Who it is.
        description: String as "Description",
        /// What it may do.
        role: String as "RoleWord",
        /// Whether it may do anything. Disabling it ends its sessions.
        enabled: bool,
        /// Another password. Ends its sessions.
        password: String as "Password",
    }

    /// Another password of one's own.
    ChangePassword {
        /// The present one.
        old_password: String,
        /// The new one. Other sessions end.
        new_password: String as "Password",
    }

    /// A user of an account.
    User {
        /// Its id.
        user_id: String,
        /// Its name.
        user_name: String,
        /// Its account.
        account_id: String,
        /// Who it is.
        description: String,
        /// What it may do.
        role: String as "RoleWord",
        /// Whether it may do anything.
        enabled: bool,
        /// Whether it can log in.
        has_password: bool,
        /// When it was created.
        created_time: String,
    }

    /// An access key to create.
    CreateAccessKey {
        ?
        /// For whom it signs. Default: the caller.
        user_id: String,
        /// What it is for.
        description: String as "Description",
    }

    /// Changes of an access key.
    UpdateAccessKey {
        ?
        /// What it is for.
        description: String as "Description",
        /// Whether it counts.
        enabled: bool,
    }

    /// How to put another key in the place of one.
    RotateAccessKey {
        ?
        /// Seconds for which the former key counts beside the new one. Default a day.
        grace_seconds: i64 as "Grace",
    }

    /// An access key as it was made.
    AccessKeyCreated {
        /// The key.
        access_key_id: String,
        /// Its secret: shown here and never again.
        secret_key: String,
    }

    /// An access key.
    AccessKey {
        /// The key.
        access_key_id: String,
        /// For whom it signs.
        user_id: String,
        /// That user's name.
        user_name: String,
        /// What it is for.
        description: String,
        /// Whether it counts.
        enabled: bool,
        /// When it was created.
        created_time: String,
        ?
        /// When it stops to count.
        expires_time: String,
    }

    /// What one needs to log in.
    CreateSession {
        /// The user's name.
        user_name: String,
        /// The user's password.
        password: String,
        ?
        /// The account's name. Default: that of those who operate the region.
        account_name: String,
    }

    /// A session as it was made.
    SessionCreated {
        /// What to send with requests: `Authorization: Bearer TOKEN`. Shown here and never again.
        token: String,
        /// When it ends.
        expires_time: String,
        /// Who has logged in.
        caller: Caller,
    }

    /// Who calls.
    Caller {
        /// The account.
        account_id: String,
        /// The account's name.
        account_name: String,
        /// The user.
        user_id: String,
        /// The user's name.
        user_name: String,
        /// What the user may do.
        role: String as "RoleWord",
        /// Whether the account is that of those who operate the region.
        operates_region: bool,
    }
}
