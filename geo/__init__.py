"""The house: the domain and its persistence. It knows stations, distance and rows; it never knows HTTP."""
