#pragma once

// What a disk shows of itself when it is opened, and whether that is the disk that the rows
// remember, in the state in which the last life left it.
//
//   what differs                                    what it says
//   the file `format`, or the file `life`           a copy, or an older state, was put here
//   a log that is older than its birth              files of rows were put here
//   the address that this node advertises           this may be one of two clones
//   two of machine, device and path of the folder   the volume, or a clone of it, was moved
//   one of these three                              nothing: a device gets another number at each
//                                                   mount, a container another machine id, and a
//                                                   folder may be renamed
//
// Where nothing differs, only others can tell that a disk was set back
// (replication/confirmation.hpp).

#include "storage/life.hpp"
#include "wire/bytes.hpp"

#include <optional>
#include <string>
#include <vector>

namespace starling::storage {

struct evidence {
  file_stamp format_file;    // there from the beginning, and never written again
  std::vector<life> lives{}; // the one that the folder has; of rows, those that it may have
  bool has_copied_log = false;
  std::string address{}; // that this node advertises
  std::string machine{}; // empty if it is not known
  std::string path{};    // of the folder
  bool is_whole = true;  // nothing that was committed is missing, as far as the store can tell
};

/// Why these are not the same disk in the same state, as a clause for people; nothing if they are.
std::optional<std::string> difference(const evidence& kept, const evidence& now);

/// What of it the rows remember.
void encode(wire::writer& out, const evidence& kept);
evidence decode_evidence(wire::reader& in);

} // namespace starling::storage
