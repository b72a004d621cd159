namespace BigFs.Core.Storage;

/// <summary>A disk refused or failed an operation.</summary>
public sealed class DiskException : IOException
{
    /// <summary>Makes an exception of a sentence that names the operation and the file.</summary>
    public DiskException(string message, bool isOutOfSpace = false, Exception? innerException = null)
        : base(message, innerException) => IsOutOfSpace = isOutOfSpace;

    /// <summary>Whether the disk is full (or the quota used up), as opposed to failing.</summary>
    public bool IsOutOfSpace { get; }
}
