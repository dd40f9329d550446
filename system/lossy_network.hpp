#pragma once

// How sockets between nodes behave where packets get lost.

namespace starling::system {

/// Has the system repeat what is not acknowledged after about 50 ms rather than 200 ms, and again
/// after the same time rather than twice as long; as far as the system can. Accepted sockets
/// inherit it from the one that listens.
void repeat_lost_packets_soon(int socket);

} // namespace starling::system
