#pragma once

// A data folder with what another one holds at one moment, made while that one is in use.
//
// It is made beside its place, under another name, and gets its own once it is whole and would
// survive a power failure. What fails is removed. What a process leaves that ends meanwhile is no
// data folder: the file `format` comes last.
//
// The copy is never taken for the original: its file `format` is another, and a note among its rows
// says what they are, so that copies of the copy are known as well. Where it is on the same disk,
// the two share the files of rows, which never change.

#include "storage/store.hpp"

#include <optional>
#include <string>

namespace starling::storage {

/// Copies the rows and the file with the node's id into a new data folder. The folder must not
/// exist, and what is above it must. From any thread; blocks.
wire::possible<failure> copy_to_backup(store& rows, const std::string& identity_file,
                                       const std::string& folder);

} // namespace starling::storage
