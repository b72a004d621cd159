using BigFs.Core.Messaging;
using BigFs.Core.Model;

namespace BigFs.Hosting;

/// <summary>
/// An event plane from a package of its own, so that who embeds BigFS restores no broker client that is not used: for
/// Kafka, BigFs.Hosting.Kafka has it.
/// </summary>
public abstract class BigFsBusEngine
{
    internal BigFsBusEngine()
    {
    }

    /// <summary>Makes the bus; waits for nobody, since a broker may be away.</summary>
    /// <exception cref="BigFsException">InvalidSettings.</exception>
    internal abstract IDisposableClusterBus Connect(BigFsKafkaOptions options, RoleServices services);

    /// <summary>Checks the settings of the bus.</summary>
    /// <exception cref="BigFsException">InvalidSettings, naming the setting and what would be right.</exception>
    internal static void Check(string bus, BigFsBusEngine? engine, BigFsKafkaOptions kafka)
    {
        SettingsCheck.Require(
            bus is BigFsBusKinds.Relay or BigFsBusKinds.Kafka, "Bus", bus, $"\"{BigFsBusKinds.Relay}\" or \"{BigFsBusKinds.Kafka}\"");
        if (bus == BigFsBusKinds.Kafka)
        {
            SettingsCheck.Require(engine is not null, "BusEngine", null, "that of the package BigFs.Hosting.Kafka when Bus is \"kafka\"");
            kafka.Validate();
        }
    }
}

/// <summary>A bus that its maker disposes.</summary>
internal interface IDisposableClusterBus : IClusterBus, IAsyncDisposable;
