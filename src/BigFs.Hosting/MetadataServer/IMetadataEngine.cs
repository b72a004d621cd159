using BigFs.Core.Control;
using BigFs.Core.Metadata;
using BigFs.Core.Security;

namespace BigFs.Hosting.MetadataServer;

/// <summary>An open metadata engine: all that a metadata server needs of one. Disposing it closes it.</summary>
internal interface IMetadataEngine : IMetadataStore, ITombstoneQueue, IMetadataIdentity, IAsyncDisposable
{
    /// <summary>How safe a committed name is, for receipts.</summary>
    NameDurability NameDurability { get; }

    /// <summary>The keys of clients, kept in the same place.</summary>
    IAccessKeyStore AccessKeys { get; }
}
