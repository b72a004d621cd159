namespace BigFs;

/// <summary>What an acknowledgement rests on.</summary>
public enum BigFsDurability
{
    /// <summary>Every replica was flushed to its disk (fdatasync) before it was acknowledged.</summary>
    Flushed = 0,

    /// <summary>The cluster keeps its data in memory only (chosen with its settings): gone with the process.</summary>
    Memory = 1,
}
