namespace BigFs.Hosting;

/// <summary>A datanode of a cluster in the process.</summary>
public sealed class BigFsClusterNode
{
    internal BigFsClusterNode(string dataDirectory) => DataDirectory = dataDirectory;

    /// <summary>Its identity.</summary>
    public string Id { get; internal set; } = "";

    /// <summary>Its folder; empty in memory.</summary>
    public string DataDirectory { get; }

    /// <summary>Whether it runs now.</summary>
    public bool IsRunning { get; internal set; }
}
