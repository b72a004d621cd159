namespace BigFs.Core.Metadata;

/// <summary>What every engine keeps of an upload session.</summary>
internal interface IStoredSession
{
    /// <summary>Its state, whether it has expired or not.</summary>
    StoredSessionState State { get; }

    /// <summary>When it ends unless it is renewed, by the database's clock.</summary>
    long Expires { get; }

    /// <summary>The file that it makes; null for one that small files share.</summary>
    BigFsPath? Path { get; }
}
