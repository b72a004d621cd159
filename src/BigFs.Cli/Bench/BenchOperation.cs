namespace BigFs.Cli.Bench;

/// <summary>What a measurement does.</summary>
internal enum BenchOperation
{
    /// <summary>Uploads files.</summary>
    Put,

    /// <summary>Downloads the files of a put.</summary>
    Get,
}
