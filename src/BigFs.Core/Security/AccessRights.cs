namespace BigFs.Core.Security;

/// <summary>What a client's key allows, each on its own; the numbers are stored and on the wire.</summary>
[Flags]
public enum AccessRights
{
    /// <summary>Nothing.</summary>
    None = 0,

    /// <summary>Lists directories, finds and reads files.</summary>
    Read = 1,

    /// <summary>Uploads, makes directories, moves and deletes.</summary>
    Write = 2,

    /// <summary>Manages keys and looks after the cluster.</summary>
    Admin = 4,

    /// <summary>All of them.</summary>
    All = Read | Write | Admin,
}
