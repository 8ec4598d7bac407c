/*
 * The bundled catalogue: rules and aliases that hold for every provider, then
 * the files of catalogue/, which make appends here.
 */
