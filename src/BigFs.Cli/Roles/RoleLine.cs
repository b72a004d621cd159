using System.Text.Json;
using BigFs.Hosting;

namespace BigFs.Cli.Roles;

/// <summary>A role as the ready line tells it.</summary>
internal sealed record RoleLine
{
    /// <summary>"name-server", "metadata-server", "node-manager", "file-server", "datanode" or "gateway".</summary>
    public required string Role { get; init; }

    /// <summary>Its identity within the role.</summary>
    public required string Id { get; init; }

    /// <summary>The process that it runs in.</summary>
    public required int ProcessId { get; init; }

    /// <summary>Where its control service listens, "host:port".</summary>
    public required string Endpoint { get; init; }

    /// <summary>Its folder; empty when it has none.</summary>
    public required string DataDirectory { get; init; }

    /// <summary>The line for a shell that starts it again, from any folder.</summary>
    public required string Command { get; init; }

    /// <summary>A role of this process.</summary>
    public static RoleLine Of(BigFsClusterRole role, string command) => new()
    {
        Role = role.Role,
        Id = role.Id,
        ProcessId = Environment.ProcessId,
        Endpoint = role.Endpoint,
        DataDirectory = role.DataDirectory,
        Command = command,
    };

    /// <summary>Reads the roles of a ready line.</summary>
    /// <exception cref="JsonException">It is no ready line.</exception>
    public static IReadOnlyList<RoleLine> ReadAll(string readyLine)
    {
        using var document = JsonDocument.Parse(readyLine);
        try
        {
            return [.. document.RootElement.GetProperty("roles").EnumerateArray().Select(role => new RoleLine
            {
                Role = role.GetProperty("role").GetString()!,
                Id = role.GetProperty("id").GetString()!,
                ProcessId = role.GetProperty("pid").GetInt32(),
                Endpoint = role.GetProperty("endpoint").GetString()!,
                DataDirectory = role.GetProperty("data").GetString()!,
                Command = role.GetProperty("command").GetString()!,
            })];
        }
        catch (Exception exception) when (exception is KeyNotFoundException or InvalidOperationException)
        {
            throw new JsonException($"This is no ready line: {readyLine}", exception);
        }
    }

    /// <summary>Writes the property "roles".</summary>
    public static void WriteAll(Utf8JsonWriter writer, IEnumerable<RoleLine> roles)
    {
        writer.WriteStartArray("roles");
        foreach (RoleLine role in roles)
        {
            writer.WriteStartObject();
            writer.WriteString("role", role.Role);
            writer.WriteString("id", role.Id);
            writer.WriteNumber("pid", role.ProcessId);
            writer.WriteString("endpoint", role.Endpoint);
            writer.WriteString("data", role.DataDirectory);
            writer.WriteString("command", role.Command);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
    }
}
