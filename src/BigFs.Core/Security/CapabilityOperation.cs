namespace BigFs.Core.Security;

/// <summary>What a capability allows; the numbers are on the wire.</summary>
public enum CapabilityOperation
{
    /// <summary>Writes one chunk into a volume under one epoch and its members.</summary>
    WriteChunk = 1,

    /// <summary>Reads chunks of a volume: one, or any.</summary>
    ReadChunks = 2,

    /// <summary>Has chunks of a volume reread and checked where they are: one, or any.</summary>
    VerifyChunks = 3,

    /// <summary>Reads a volume chunk by chunk, to copy it.</summary>
    CopyVolume = 4,
}
