namespace BigFs.Core.Tests.Faults;

/// <summary>Small damage to bytes that were right.</summary>
internal static class Spoiling
{
    /// <summary>Cuts the bytes short, makes them longer, or changes up to three of them.</summary>
    public static byte[] Spoil(byte[] bytes, Random random)
    {
        byte[] spoiled = [.. bytes];
        switch (random.Next(4))
        {
            case 0:
                return spoiled[..random.Next(spoiled.Length)];
            case 1:
                return [.. spoiled, .. new byte[random.Next(1, 9)]];
            default:
                for (int i = random.Next(1, 4); i > 0; i--)
                {
                    spoiled[random.Next(spoiled.Length)] ^= (byte)random.Next(1, 256);
                }

                return spoiled;
        }
    }
}
