#include "adapters/pinecone/error_hints.h"

#include <array>

namespace rehome {
namespace {

using enum ErrorCode;

// The texts are the service's, in lower case; the more particular rows of a status come first.
constexpr std::array kRefusals{
    ApiRefusal{400, "maximum supported size", kInvalidArgument,
               "one record is too large for a request: shorten what index.metadata carries"},
    ApiRefusal{400, "does not match the dimension of the index", kInvalidArgument,
               "set index.embedder.dimensions to the index's, or name another index in vectors"},
    ApiRefusal{400, "at least one non-zero value", kInvalidArgument,
               "the embedder gave a zero vector for this text: look at the item with `rehome "
               "explain`"},
    ApiRefusal{400, "does not support sparse values", kFailedPrecondition,
               "the backup holds sparse vectors: restore them into a dotproduct or sparse index"},
    ApiRefusal{400, "sparse vector", kFailedPrecondition,
               "the index is sparse: name a dense index in vectors"},
    ApiRefusal{400, "metadata size", kInvalidArgument,
               "shorten what index.metadata carries: 40,960 bytes a record"},
    ApiRefusal{400, "metadata value must be", kInvalidArgument,
               "metadata holds strings, numbers, booleans and lists of strings: mend the field in "
               "items.fields or leave it out of index.metadata"},
    ApiRefusal{400, "document", kFailedPrecondition,
               "this is a documents index, which the vectors API does not reach: name a vector "
               "index (classic dense schema) in vectors"},
    ApiRefusal{400, "alias", kFailedPrecondition,
               "an alias serves readers only: name the namespace itself"},
    ApiRefusal{400, "namespace", kInvalidArgument,
               "a namespace is 1 to 512 ASCII characters: correct index.namespace or the slug"},
    ApiRefusal{401, "", kUnauthenticated,
               "the API key is missing, wrong or of another project: see console.pinecone.io, then "
               "set PINECONE_API_KEY or the plan's vectors"},
    ApiRefusal{402, "", kFailedPrecondition,
               "pay what is due at console.pinecone.io, then run the command again: it goes on "
               "where it stopped"},
    ApiRefusal{403, "deletion protection", kFailedPrecondition,
               "disable the index's deletion protection at console.pinecone.io, if it may be "
               "changed"},
    ApiRefusal{403, "max namespaces", kFailedPrecondition,
               "the index holds as many namespaces as the Pinecone plan allows: `rehome check` "
               "shows what the run needs; delete those that nobody uses, or upgrade at "
               "console.pinecone.io, then run the command again"},
    ApiRefusal{403, "upgrade your plan", kFailedPrecondition,
               "a limit of the Pinecone plan is reached: `rehome check` shows what the run needs; "
               "upgrade at console.pinecone.io, then run the command again"},
    ApiRefusal{403, "quota", kFailedPrecondition,
               "the Pinecone plan's quota is spent: `rehome check` shows what the run needs; "
               "upgrade at console.pinecone.io, then run the command again"},
    ApiRefusal{403, "limit", kFailedPrecondition,
               "a limit of the Pinecone plan is reached: `rehome check` shows what the run needs; "
               "upgrade at console.pinecone.io, then run the command again"},
    ApiRefusal{403, "", kUnauthenticated,
               "the API key may not do this: give it the role DataPlaneEditor (see "
               "console.pinecone.io)"},
    ApiRefusal{404, "namespace", kNotFound,
               "the namespace does not exist (any more): has it been deleted elsewhere?"},
    ApiRefusal{404, "resource cloud", kNotFound,
               "that cloud or region does not exist: see docs.pinecone.io"},
    ApiRefusal{404, "index", kNotFound,
               "create the index, or correct its name: console.pinecone.io lists them"},
    ApiRefusal{409, "", kAlreadyExists, "it exists already: take another name"},
    ApiRefusal{412, "", kFailedPrecondition,
               "the index is not ready for this: wait until console.pinecone.io shows it as ready"},
    ApiRefusal{413, "", kInvalidArgument,
               "one record is too large for a request: shorten what index.metadata carries"},
    ApiRefusal{414, "", kFailedPrecondition,
               "a proxy between here and Pinecone refuses long URLs: let it pass 8 KB"},
    ApiRefusal{422, "", kInvalidArgument,
               "the service does not take this request's form: is the address Pinecone's, and its "
               "API version 2025-10 or later?"},
    ApiRefusal{429, "current month", kFailedPrecondition,
               "the month's units of the Pinecone plan are spent: upgrade at console.pinecone.io, "
               "then run the command again"},
    ApiRefusal{429, "quota", kFailedPrecondition,
               "the project's quota is spent: upgrade at console.pinecone.io, then run the command "
               "again"},
    ApiRefusal{429, "", kResourceExhausted,
               "the service was asked too fast, and slowing down did not suffice: something else "
               "uses the same index, or limits.vectors_per_s must be lower"},
    ApiRefusal{
        500, "no space left", kResourceExhausted,
        "the server's disk is full: free space there, then run the command again: it goes on "
        "where it stopped"},
    ApiRefusal{501, "", kFailedPrecondition,
               "the server does not offer this operation: is it Pinecone itself?"},
};

}  // namespace

ApiService PineconeService() {
  return {.name = "Pinecone",
          .hint_key =
              "check the API key: see console.pinecone.io, and PINECONE_API_KEY or the "
              "plan's vectors",
          .hint_quota =
              "verify the quota at console.pinecone.io; limits.vectors_per_s in the plan "
              "slows the run",
          .hint_down = "see status.pinecone.io; run the command again, it goes on where it stopped",
          .refusals = kRefusals};
}

}  // namespace rehome
