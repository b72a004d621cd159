using System.Text.Json;
using System.Text.Json.Serialization;

namespace BigFs.Cli.Roles;

/// <summary>What <c>bigfs dev</c> keeps between starts, in dev.json of its data folder.</summary>
internal sealed record DevState
{
    private const string FileName = "dev.json";

    /// <summary>How many datanodes there are.</summary>
    public int Nodes { get; init; }

    /// <summary>How many file servers there are; 0 in folders that do not say it: one.</summary>
    public int FileServers { get; init; }

    /// <summary>The ports of what listens, by its name: the name server's makes the endpoint.</summary>
    public SortedDictionary<string, int> Ports { get; init; } = new(StringComparer.Ordinal);

    /// <summary>Reads what the folder keeps; null when it is new.</summary>
    /// <exception cref="BigFsException">DataUnreadable.</exception>
    public static DevState? Load(string folder)
    {
        string path = Path.Combine(folder, FileName);
        if (!File.Exists(path))
        {
            return null;
        }

        try
        {
            return JsonSerializer.Deserialize(File.ReadAllText(path), DevStateJson.Default.DevState)
                ?? throw new JsonException("it is empty");
        }
        catch (JsonException exception)
        {
            throw new BigFsException(
                BigFsErrorCode.DataUnreadable, $"\"{path}\" is damaged: {exception.Message}", exception);
        }
    }

    /// <summary>Keeps it, whole or not at all.</summary>
    public void Save(string folder)
    {
        string path = Path.Combine(folder, FileName);
        File.WriteAllText(path + ".new", JsonSerializer.Serialize(this, DevStateJson.Default.DevState) + "\n");
        File.Move(path + ".new", path, overwrite: true);
    }
}

/// <summary>JSON of <see cref="DevState"/> without reflection.</summary>
[JsonSourceGenerationOptions(WriteIndented = true, PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(DevState))]
internal sealed partial class DevStateJson : JsonSerializerContext;
