namespace BigFs.Core.Metadata;

/// <summary>The states of an upload session; stored by their numbers.</summary>
internal enum StoredSessionState
{
    Open = 0,
    Committed = 1,
    Aborted = 2,
}
