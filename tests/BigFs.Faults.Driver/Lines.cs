using System.Globalization;
using System.Text;
using BigFs.Core.Storage;

namespace BigFs.Faults.Driver;

/// <summary>What an operation does to a volume.</summary>
internal enum Act
{
    /// <summary>Appends the chunk of a key.</summary>
    Append = 1,

    /// <summary>Deletes a key.</summary>
    Delete = 2,

    /// <summary>Takes a volume to an epoch (the number) and a state.</summary>
    Order = 3,
}

/// <summary>One line of the driver: an operation that begins, or that was acknowledged.</summary>
/// <param name="IsAcknowledged">Whether it was.</param>
/// <param name="Act">What it does.</param>
/// <param name="Volume">To which volume.</param>
/// <param name="Number">The key, or the epoch.</param>
/// <param name="State">The state that an order leads to.</param>
internal sealed record Line(bool IsAcknowledged, Act Act, long Volume, ulong Number, ReplicaState State)
{
    /// <summary>What the driver says when everything was done and the store is closed.</summary>
    public const string Done = "done";

    public static Line? Parse(string text)
    {
        // The last line of a killed process may be cut short; such a one acknowledges nothing.
        string[] words = text.Split(' ');
        return words is ["try" or "ok", var act, var volume, var number, var state, "."]
            ? new Line(
                words[0] == "ok",
                Enum.Parse<Act>(act),
                long.Parse(volume, CultureInfo.InvariantCulture),
                ulong.Parse(number, CultureInfo.InvariantCulture),
                Enum.Parse<ReplicaState>(state))
            : null;
    }

    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture, $"{(IsAcknowledged ? "ok" : "try")} {Act} {Volume} {Number} {State} .");
}

/// <summary>Writes lines straight into the pipe, each by one call, so that a killed process has said all it was done with.</summary>
internal sealed class LineWriter
{
    private readonly Stream _output = Console.OpenStandardOutput();
    private readonly Lock _lock = new();

    public void Write(object line)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(line + "\n");
        lock (_lock)
        {
            _output.Write(bytes);
        }
    }
}
